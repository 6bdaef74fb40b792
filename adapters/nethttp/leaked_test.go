package nethttp_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// TestLeakedWrite: a goroutine that the handler has left behind in a Write, because the client does not read, is not there any more
// when the response ends: it would go on writing to the connection that has taken the place of its own.
func TestLeakedWrite(t *testing.T) {
	for name, end := range map[string]func(){"returns": func() {}, "panics": func() { panic(http.ErrAbortHandler) }} {
		t.Run(name, func(t *testing.T) {
			goOn, ended := make(chan struct{}), make(chan error, 1)
			addr := running(t, &nethttp.Server{Loops: 1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/leaks" {
					io.WriteString(w, r.URL.Path)
					return
				}
				go func() {
					_, err := w.Write(make([]byte, 64<<20))
					ended <- err
				}()
				<-goOn
				end()
			})})
			ask := func(path string) (net.Conn, *bufio.Reader) {
				c, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				t.Cleanup(func() { c.Close() })
				c.SetDeadline(time.Now().Add(patience))
				io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
				return c, bufio.NewReader(c)
			}

			stuck, in := ask("/leaks")
			_, err := in.ReadByte()
			require.NoError(t, err)
			close(goOn)
			select {
			case err := <-ended:
				require.Error(t, err)
			case <-time.After(patience):
				t.Fatal("the Write has outlived its handler")
			}
			stuck.Close()

			_, in = ask("/next")
			res, err := http.ReadResponse(in, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, "/next", string(body))
			require.Zero(t, in.Buffered())
		})
	}
}
