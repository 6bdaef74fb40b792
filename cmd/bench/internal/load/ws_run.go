package load

import (
	"context"
	"net"
	"sync"
)

// dialSocket opens a WebSocket. with, if not nil, sees the connection before the handshake.
func (r *Run) dialSocket(ctx context.Context, req *Request, with func(*net.TCPConn)) (net.Conn, error) {
	conn, err := req.dial(ctx, r.Timeout)
	if err != nil {
		return nil, err
	}
	dropAtClose(conn)
	if tcp, ok := conn.(*net.TCPConn); ok && with != nil {
		with(tcp)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := req.socket.open(conn, r.Timeout); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// topics are the topics of the groups, as groups; nil where there is none.
func (r *Run) topics() (some []*topic) {
	for _, g := range r.Groups {
		var t *topic
		if s := g.Requests[0].socket; s != nil {
			t = s.topic
		}
		some = append(some, t)
	}
	return some
}

// publishing starts the publishers, if there are any.
func (r *Run) publishing() (publishers *sync.WaitGroup) {
	publishers = new(sync.WaitGroup)
	for i, t := range r.topics() {
		if t != nil {
			r.drains = true
			req := r.Groups[i].Requests[0]
			publishers.Go(func() { t.publish(r, req) })
		}
	}
	return publishers
}
