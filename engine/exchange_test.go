package engine

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

func TestBodyLeftUnread(t *testing.T) {
	chunked := func(body string) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	big := strings.Repeat("x", discardMax+1)
	none := func(x *Exchange) { reply(x, "") }
	cut := func(s string) []string { return []string{s[:len(s)-3], s[len(s)-3:]} }
	for _, tt := range []struct {
		name    string
		h       handlerFunc
		pieces  []string
		answers int // the second request is answered if the connection stays
		next    transport.Next
		log     []string
	}{
		{"at hand", none, []string{post("hello") + get}, 2, transport.Read, nil},
		{"at hand, chunked", none, []string{chunked("hello") + get}, 2, transport.Read, nil},
		{"to come: the answer goes first", none, append(cut(post("hello")), get), 2, transport.Read, []string{"flush"}},
		{"to come, chunked", none, append(cut(chunked("hello")), get), 2, transport.Read, []string{"flush"}},
		{"half read", func(x *Exchange) { x.ReadBody(make([]byte, 2)); reply(x, "") }, []string{chunked("hello") + get}, 2, transport.Read, nil},
		{"much", none, []string{post(big)[:999], get}, 1, transport.Linger, nil},
		{"much, chunked", none, []string{chunked(big)[:discardMax/2], chunked(big)[discardMax/2 : discardMax+50], get}, 1, transport.Linger, []string{"flush"}},
		{"just not too much", none, []string{post(big[1:])[:999], post(big[1:])[999:], get}, 2, transport.Read, []string{"flush"}},
		{"never comes", none, []string{post("hello")[:len(post("hello"))-1]}, 1, transport.Linger, []string{"flush"}},
		{"bad", none, []string{strings.Replace(chunked("hello"), "hello\r", "hello!", 1) + get}, 1, transport.Linger, nil},
		{"closing: nobody waits for the rest", func(x *Exchange) { x.SetClose(false); reply(x, "") }, cut(post("hello")), 1, transport.Linger, nil},
		{"expects 100", none, []string{strings.Replace(post(""), "Length: 0", "Length: 5\r\nExpect: 100-continue", 1), get}, 1, transport.Linger, nil},
		{"expected 100, sent at once", none, []string{strings.Replace(post("hello"), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1) + get}, 2, transport.Read, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := newScript(&Server{Handler: tt.h}, tt.pieces...)
			require.Equal(t, tt.next, sc.play())
			require.Equal(t, tt.answers, strings.Count(sc.sent.String(), "HTTP/1.1 200"))
			require.Equal(t, tt.log, sc.log)
		})
	}
}

func TestSendContinue(t *testing.T) {
	in := strings.Replace(post("hello"), "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1)
	head := in[:len(in)-5]
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		if x.Head().Expect100 {
			require.NoError(t, x.SendContinue())
		}
		echo(100)(x)
	})}, head, "hello", get)
	sc.play()
	require.True(t, sc.sent.String() == "HTTP/1.1 100 Continue\r\n\r\n"+answer("POST / hello")+answer("GET / "))
}

func TestFlushAndSendFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		x.SetOut(append(x.Out(), "a"...))
		require.NoError(t, x.Flush([]byte("b"), []byte("c")))
		x.SetOut(append(x.Out(), "d"...))
		n, err := x.SendFile(f, 4)
		require.NoError(t, err)
		require.EqualValues(t, 4, n)
		x.SetOut(append(x.Out(), "e"...))
	})}, get)
	sc.play()
	require.Equal(t, "abcd0123e", sc.sent.String())
}

// Between Begin and End the head must stay where it is while the body comes in.
func TestHeadStaysWhileTheBodyIsRead(t *testing.T) {
	body := strings.Repeat("0123456789", 20_000)
	in := post(body)
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		head := x.HeadBytes()
		sum := 0
		for p := make([]byte, 777); ; {
			n, err := x.ReadBody(p)
			sum += n
			require.Equal(t, "POST", string(x.Head().Method.In(head)))
			require.Equal(t, in[:len(head)], string(head))
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
		}
		reply(x, fmt.Sprint(sum))
	})})
	for i := 0; i < len(in); i += 5000 {
		sc.pieces = append(sc.pieces, in[i:min(len(in), i+5000)])
	}
	sc.play()
	require.Equal(t, answer(fmt.Sprint(len(body))), sc.sent.String())
}

func TestFullDuplex(t *testing.T) {
	sc := newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.Copy(io.Discard, readerFunc(x.ReadBody))
		}()
		for range 100 {
			x.SetOut(append(x.Out(), "x"...))
			require.False(t, x.OutFull() || x.Closing())
		}
		<-done
	})}, strings.Split(post(strings.Repeat("y", 100)), "")...)
	require.Equal(t, transport.Read, sc.play())
	require.Equal(t, strings.Repeat("x", 100), sc.sent.String())
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
