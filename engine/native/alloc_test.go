package native

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNothingIsAllocated: plaintext, parameter and constant routes, with a browser's fields, alone and pipelined.
func TestNothingIsAllocated(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget on purpose")
	}
	const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html\r\nAccept-Language: en\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nCookie: a=b; c=d"
	requests := map[string]string{
		"plaintext":       request("GET", "/plaintext"),
		"browser":         request("GET", "/plaintext", browser),
		"parameter":       request("GET", "/users/42"),
		"decoded":         request("GET", "/users/4%32?q=%41"),
		"constant":        request("GET", "/const"),
		"constant 304":    request("GET", "/const", `If-None-Match: *`),
		"browser's const": request("GET", "/const", browser),
		"HEAD":            request("HEAD", "/plaintext"),
		"body":            postTo("/echo", "body"),
		"chunks":          chunkedTo("/echo", "body", 2),
		"pipelined":       strings.Repeat(request("GET", "/plaintext"), 16),
	}
	t.Run("above the transport", func(t *testing.T) {
		for name, in := range requests {
			p, in := newPlayed(t, benchRouter()), []byte(in)
			p.play(in)
			require.Zero(t, testing.AllocsPerRun(200, func() { p.play(in) }), name)
		}
	})
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, benchRouter())
		for name, in := range requests {
			c, err := net.Dial("tcp", a.addr)
			require.NoError(t, err)
			c.SetDeadline(time.Now().Add(patience))
			size := 0
			once := func() {
				if size == 0 { // the first answer's length is everybody's
					c.(*net.TCPConn).Write([]byte(in))
					size = answerSize(t, c, strings.Count(in, " HTTP/1.1\r\n"), strings.HasPrefix(in, "HEAD"))
				}
				c.Write(inBytes[name])
				_, err := io.ReadFull(c, buffer[:size])
				require.NoError(t, err)
			}
			inBytes[name] = []byte(in)
			for range 100 {
				once()
			}
			const rounds = 2000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				once()
			}
			runtime.ReadMemStats(&after)
			c.Close()
			// The collector allocates, and the date once a second; a request does not.
			require.Less(t, float64(after.Mallocs-before.Mallocs)/rounds, 0.2, name)
		}
	})
}

var (
	buffer  [64 << 10]byte
	inBytes = map[string][]byte{}
)

// answerSize reads n answers and returns how many bytes they have.
func answerSize(t *testing.T, c net.Conn, n int, head bool) int {
	size := 0
	for {
		k, err := c.Read(buffer[size:])
		require.NoError(t, err)
		size += k
		got := buffer[:size]
		if bytes.Count(got, []byte("\r\n\r\n")) < n {
			continue
		}
		end := bytes.LastIndex(got, []byte("\r\n\r\n")) + 4
		if head || bytes.Contains(got, []byte(" 304 ")) {
			return end
		}
		at := bytes.LastIndex(got, []byte("Content-Length: ")) + len("Content-Length: ")
		length := 0
		for _, c := range got[at:] {
			if c < '0' || c > '9' {
				break
			}
			length = 10*length + int(c-'0')
		}
		if size >= end+length {
			require.Equal(t, end+length, size)
			return size
		}
	}
}

// TestPromisedBody: a client that declares a large body and sends little of it has no more than a multiple of that allocated.
func TestPromisedBody(t *testing.T) {
	rooms := make(chan int, 1)
	a := serve(t, "", route1(func(_ *Response, r *Request) error {
		_, err := r.Body()
		rooms <- cap(r.body.whole)
		return err
	}, Body(-1)))
	for sent, most := range map[int]int{10: bodyRoomFirst, 200_000: 1_500_000} {
		c := a.dial().send(request("POST", "/", "Content-Length: 9223372036854775806") + strings.Repeat("x", sent))
		c.CloseWrite()
		require.Equal(t, 400, c.next("POST").StatusCode)
		require.LessOrEqual(t, await(t, rooms, "the handler"), most)
	}
}
