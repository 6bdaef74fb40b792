package servers

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// gnetRaw is the raw server on gnet's loops. gnet serves no listener but its own, so connections are accepted here and
// enrolled, as its clients are; the loops that they then live on are the same.
type gnetRaw struct {
	gnet.BuiltinEventEngine
	loops    *gnet.Client
	answer   *fixed
	mu       sync.Mutex
	listener net.Listener
}

func newGnetRaw(_ string, o Options) (Server, error) {
	loops, err := loopCount(o)
	if err != nil {
		return nil, err
	}
	s := &gnetRaw{}
	s.loops, err = gnet.NewClient(s, gnet.WithNumEventLoop(loops), gnet.WithLogLevel(logging.ErrorLevel))
	return s, err
}

func (s *gnetRaw) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener, s.answer = l, newFixed()
	err := s.loops.Start()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return http.ErrServerClosed
		}
		if _, err := s.loops.Enroll(c); err != nil {
			return err
		}
	}
}

func (s *gnetRaw) Shutdown(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	s.listener.Close()
	defer s.answer.close()
	return s.loops.Stop()
}

// gnetConn is what a connection keeps between events: room for the answers of one read.
type gnetConn struct{ out []byte }

func (s *gnetRaw) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	c.SetContext(&gnetConn{})
	return nil, gnet.None
}

func (s *gnetRaw) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	n, end := heads(in)
	if n == 0 {
		return gnet.None
	}
	g, answer := c.Context().(*gnetConn), s.answer.bytes()
	g.out = g.out[:0]
	for range n {
		g.out = append(g.out, answer...)
	}
	if _, err := c.Discard(end); err != nil {
		return gnet.Close
	}
	if _, err := c.Write(g.out); err != nil {
		return gnet.Close
	}
	return gnet.None
}
