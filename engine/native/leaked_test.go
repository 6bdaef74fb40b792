package native

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLeakedWrite: a goroutine that the handler has left behind in a Write, because the client does not read, is out of it when the
// response ends, and neither its connection nor its Response is somebody else's before that.
func TestLeakedWrite(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		for name, end := range map[string]func() error{
			"returns": func() error { return nil },
			"fails":   func() error { return errors.New("no more") },
			"panics":  func() error { panic("no more") },
		} {
			t.Run(name, func(t *testing.T) {
				rt := NewRouter()
				goOn, ended := make(chan bool), make(chan error, 1)
				rt.Handle("GET /leaks", func(w *Response, _ *Request) error {
					go func() {
						_, err := w.Write(make([]byte, 64<<20))
						ended <- err
					}()
					<-goOn
					return end()
				})
				rt.Handle("GET /next", func(w *Response, _ *Request) error { return w.Text(200, "next") })
				a := serve(t, transport, rt, func(s *Server) { s.Loops = 1 })

				stuck := a.dial().send("GET /leaks HTTP/1.1\r\nHost: h\r\n\r\n")
				_, err := stuck.r.ReadByte()
				require.NoError(t, err)
				close(goOn)
				require.Error(t, await(t, ended, "the Write to end"))
				stuck.Close()

				next := a.dial()
				for range 3 {
					require.Equal(t, "next", next.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n").next("GET").body)
				}
				require.Zero(t, next.r.Buffered())
			})
		}
	})
}
