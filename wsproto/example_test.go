package wsproto_test

import (
	"fmt"
	"strings"

	"github.com/peregrine-http/peregrine/wsproto"
)

// A server reads what a client wrote, and answers.
func Example() {
	client := wsproto.NewClientWriter(nil, func() uint32 { return 0x01020304 }) // crypto/rand in earnest
	fromClient := client.Message(nil, wsproto.Text, []byte("Hello"))
	fromClient, _ = client.Ping(fromClient, nil)
	fromClient, _ = client.Close(fromClient, wsproto.NormalClosure, "done")

	config := wsproto.NewReaderConfig(wsproto.Server, wsproto.Limits{MessageBytesMax: 64 << 10}, nil)
	reader, writer := wsproto.NewReader(config, nil), wsproto.NewWriter(nil)
	var toClient []byte
	for in := fromClient; ; {
		e, n, err := reader.Next(in)
		in = in[n:]
		if err != nil { // ErrNeedMore: read more; ErrClosed: close; an *Error: send its Code, and close
			fmt.Println(err)
			break
		}
		switch e.Opcode {
		case wsproto.Text, wsproto.Binary:
			fmt.Printf("message %q\n", e.Payload)
			toClient = writer.Message(toClient, e.Opcode, e.Payload)
		case wsproto.Ping:
			toClient, _ = writer.Pong(toClient, e.Payload)
		case wsproto.Close:
			fmt.Println("close", e.Code, string(e.Payload))
			toClient, _ = writer.Close(toClient, e.Code, "")
		}
	}
	fmt.Printf("%q\n", toClient)
	// Output:
	// message "Hello"
	// close 1000 done
	// wsproto: bytes after a Close frame
	// "\x81\x05Hello\x8a\x00\x88\x02\x03\xe8"
}

// A server judges the opening handshake, and agrees to compress.
func ExampleOpening() {
	var o wsproto.Opening
	for _, field := range [][2]string{
		{"Host", "example.com"},
		{"Origin", "https://example.com"},
		{"Upgrade", "websocket"},
		{"Connection", "keep-alive, Upgrade"},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Sec-WebSocket-Version", "13"},
		{"Sec-WebSocket-Protocol", "soap, chat"},
		{"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"},
	} {
		o.Field([]byte(field[0]), []byte(field[1]))
	}
	if err := o.Check([]byte("GET"), []byte("HTTP/1.1")); err != nil {
		fmt.Println(err) // an *Error: answer with its Status
	}
	if err := o.CheckOrigin(); err != nil {
		fmt.Println(err)
	}
	agreed, ok := o.Deflate(wsproto.Params{ServerNoContextTakeover: true, ClientMaxWindowBits: 12})
	fmt.Println(ok, agreed.ClientMaxWindowBits)
	head := string(o.AppendAnswer(nil, o.Protocol("chat"), &agreed)) + "\r\n"
	fmt.Print(strings.ReplaceAll(head, "\r\n", "\n"))
	// Output:
	// true 12
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
	// Sec-WebSocket-Protocol: chat
	// Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits=12
}

// One message for many: framed once, compressed once.
func ExamplePrepared() {
	p := wsproto.Prepare(wsproto.Text, []byte("news for all"), 1)
	first, second := p.Frame(nil), p.Frame(nil)
	fmt.Printf("%q %v\n", first, &first[0] == &second[0])
	// Output:
	// "\x81\fnews for all" true
}
