package load

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Idle are connections that do nothing but when they are told to.
type Idle struct {
	req     *Request
	conns   []net.Conn
	timeout time.Duration
}

// OpenIdle opens n connections, of which each makes one checked request. They are to be closed.
func OpenIdle(ctx context.Context, req *Request, n int, timeout time.Duration) (*Idle, error) {
	s := &Idle{req, make([]net.Conn, n), timeout}
	err := inParallel(n, dialersMax, func(i int) (err error) {
		if s.conns[i], err = req.dial(ctx, timeout); err != nil {
			return fmt.Errorf("connection %d of %d: %w", i+1, n, err)
		}
		if req.socket != nil {
			if err := req.socket.open(s.conns[i], timeout); err != nil {
				return fmt.Errorf("connection %d of %d: %w", i+1, n, err)
			}
		}
		return ask(s.conns[i], req, timeout)
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Ask has each connection make another checked request, and returns the first error.
func (s *Idle) Ask() error {
	return inParallel(len(s.conns), dialersMax, func(i int) error { return ask(s.conns[i], s.req, s.timeout) })
}

// Close closes all connections, by a reset.
func (s *Idle) Close() {
	for _, conn := range s.conns {
		if conn != nil {
			dropAtClose(conn)
			conn.Close()
		}
	}
}
