package websocket_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	peregrine "github.com/peregrine-http/peregrine/engine/websocket"
)

// TestLeakedRead: a Read on a goroutine that Serve has left behind ends with the connection, and not on the one that has taken its
// place.
func TestLeakedRead(t *testing.T) {
	for _, transport := range transports {
		for name, end := range map[string]func(){"returns": func() {}, "panics": func() { panic("on purpose") }} {
			t.Run(transport+" "+name, func(t *testing.T) {
				ended := make(chan error, 1)
				url, _ := serve(t, transport, peregrine.New(peregrine.Options{Serve: func(c *peregrine.Conn) {
					reading := make(chan struct{})
					go func() {
						_, err := c.Read()
						require.NoError(t, err)
						close(reading)
						for err == nil {
							_, err = c.Read()
						}
						_, again := c.Read()
						require.Error(t, again)
						ended <- err
					}()
					<-reading
					time.Sleep(20 * time.Millisecond) // mostly the second Read waits by then; it need not
					end()
				}, PingEvery: -1, CloseTimeout: -1, Logger: slog.New(slog.DiscardHandler)}))
				c := connect(t, url+"room", text("first"))
				for got := c.next(); got != "EOF" && got != "reset"; got = c.next() {
					io.WriteString(c.TCPConn, farewell(1000, "")) // which a connection that has been cut does not take
				}
				select {
				case err := <-ended:
					if err != peregrine.ErrNotServing {
						require.ErrorAs(t, err, new(*peregrine.CloseError))
					}
				case <-time.After(patience):
					t.Fatal("the Read has outlived its connection")
				}
			})
		}
	}
}
