package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// idleConns are connections that do nothing but when they are told to.
type idleConns struct {
	req     *request
	conns   []net.Conn
	timeout time.Duration
}

// openIdle opens n connections, of which each makes one checked request. They are to be closed.
func openIdle(ctx context.Context, req *request, n int, timeout time.Duration) (*idleConns, error) {
	s := &idleConns{req, make([]net.Conn, n), timeout}
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
		s.close()
		return nil, err
	}
	return s, nil
}

// ask has each connection make another checked request, and returns the first error.
func (s *idleConns) ask() error {
	return inParallel(len(s.conns), dialersMax, func(i int) error { return ask(s.conns[i], s.req, s.timeout) })
}

// close closes all connections, by a reset.
func (s *idleConns) close() {
	for _, conn := range s.conns {
		if conn != nil {
			dropAtClose(conn)
			conn.Close()
		}
	}
}
