package compress

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
)

// However a coded response ends, its encoder serves the next one: there is only one here.
func TestReleased(t *testing.T) {
	endings := map[string]native.Handler{
		"return": func(*native.Response, *native.Request) error { return nil },
		"error":  func(*native.Response, *native.Request) error { return native.Errorf(500, "x") },
		"abort":  func(*native.Response, *native.Request) error { return native.ErrAbort },
		"panic":  func(*native.Response, *native.Request) error { panic("x") },
		"goexit": func(*native.Response, *native.Request) error { runtime.Goexit(); return nil },
		"hijack": func(w *native.Response, _ *native.Request) error {
			conn, _, err := w.Hijack()
			if err == nil {
				conn.Close()
			}
			return err
		},
		"gone": func(w *native.Response, _ *native.Request) error { // the client leaves when it has the first bytes
			for {
				if err := w.Flush(); err != nil {
					return err
				}
				if _, err := w.WriteString(text(1000)); err != nil {
					return err
				}
			}
		},
		"in a goroutine": func(w *native.Response, _ *native.Request) error {
			done := make(chan bool)
			go func() { w.WriteString(text(50_000)); close(done) }()
			<-done
			return nil
		},
	}
	for name, end := range endings {
		for _, transport := range []string{"", "portable"} {
			for _, coding := range []string{"gzip", "zstd"} {
				t.Run(fmt.Sprintf("%s %s %s", name, transport, coding), func(t *testing.T) {
					rt := native.NewRouter()
					rt.Use(New(Options{EncodersMax: 1}))
					rt.Handle("GET /end", func(w *native.Response, r *native.Request) error {
						w.WriteString(text(100_000))
						if err := w.Flush(); err != nil {
							return err
						}
						return end(w, r)
					})
					rt.Handle("GET /whole", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(9000)) })
					url := serve(t, rt, transport)
					for range 3 {
						head(t, url, "/end", coding)
						require.Eventually(t, func() bool {
							res, body := ask(t, "GET", url+"/whole", coding)
							require.Equal(t, text(9000), decode(t, res, body))
							return res.Header.Get("Content-Encoding") == coding
						}, 20*time.Second, time.Millisecond)
					}
				})
			}
		}
	}
}

// head asks for a response, reads the beginning and leaves.
func head(t *testing.T, url, path, coding string) {
	c, err := net.Dial("tcp", url[len("http://"):])
	require.NoError(t, err)
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\nAccept-Encoding: %s\r\n\r\n", path, coding)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.Equal(t, coding, res.Header.Get("Content-Encoding"))
}

// What comes when all encoders are taken is sent as it is, and says that this may change.
func TestEncodersMax(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	rt := native.NewRouter()
	rt.Use(New(Options{EncodersMax: 2}))
	rt.Handle("GET /slow", func(w *native.Response, _ *native.Request) error {
		w.WriteString("begin")
		err := w.Flush()
		begun <- true
		<-end
		return err
	}, native.Own())
	rt.Handle("GET /whole", func(w *native.Response, _ *native.Request) error { return w.Text(200, text(9000)) })
	url := serve(t, rt, "")
	slow := make(chan string)
	for i := range 3 {
		go func() {
			res, err := get(url+"/slow", "gzip")
			if err != nil {
				slow <- err.Error()
				return
			}
			defer res.Body.Close()
			slow <- res.Header.Get("Content-Encoding") + res.Header.Get("Vary")
		}()
		<-begun
		if i < 2 {
			require.Equal(t, "gzipAccept-Encoding", <-slow)
		} else {
			require.Equal(t, "Accept-Encoding", <-slow)
		}
	}
	res, body := ask(t, "GET", url+"/whole", "zstd")
	require.Empty(t, res.Header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", res.Header.Get("Vary"))
	require.Equal(t, text(9000), string(body))
	res, _ = ask(t, "HEAD", url+"/whole", "zstd")
	require.Equal(t, "zstd", res.Header.Get("Content-Encoding"))
	close(end)
	require.Eventually(t, func() bool {
		res, _ := ask(t, "GET", url+"/whole", "zstd")
		return res.Header.Get("Content-Encoding") == "zstd"
	}, 20*time.Second, time.Millisecond)
}

func get(url, accept string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", accept)
	return client.Do(req)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
