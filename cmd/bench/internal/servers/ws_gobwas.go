package servers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/mailru/easygo/netpoll"
)

// gobwasServer serves the WebSocket endpoints by gobwas/ws in the way of its chat example: easygo's netpoll says which
// connections have something to read, and a pool of goroutines reads it; an idle connection has no goroutine. Where that poller
// does not run, on Windows, newGobwas says so.
type gobwasServer struct {
	*http.Server
	poller      netpoll.Poller
	work        chan func()
	echoes      members[*gobwasConn]
	subscribers members[*gobwasConn]
}

// gobwasWorkers is the size of the example's pool.
const gobwasWorkers = 128

func newGobwas(string, Options) (Server, error) {
	poller, err := netpoll.New(nil)
	if err != nil {
		return nil, err
	}
	s := &gobwasServer{poller: poller, work: make(chan func(), 1)}
	for range gobwasWorkers {
		go func() {
			for f := range s.work {
				f()
			}
		}()
	}
	s.Server = onStandard(http.NewServeMux(), s.sockets)
	return s, nil
}

// Shutdown gives back the poller, too, once its connections have ended.
func (s *gobwasServer) Shutdown(ctx context.Context) error {
	err := s.Server.Shutdown(ctx)
	for s.echoes.size()+s.subscribers.size() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	if c, ok := s.poller.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (s *gobwasServer) sockets(mux *http.ServeMux) (end func()) {
	mux.HandleFunc("GET /ws", s.enter(&s.echoes, (*gobwasConn).echo))
	mux.HandleFunc("GET /topic/{name}", s.enter(&s.subscribers, (*gobwasConn).discard))
	mux.HandleFunc("POST /topic/{name}", publishing(func(topic string, message []byte) int {
		frame, err := ws.CompileFrame(ws.NewBinaryFrame(message))
		if err != nil {
			return 0
		}
		return s.subscribers.each(topic, func(c *gobwasConn) { c.send(frame) })
	}))
	return func() {
		s.echoes.closeAll((*gobwasConn).end)
		s.subscribers.closeAll((*gobwasConn).end)
	}
}

// enter upgrades a request and has receive called whenever there is something to read, until it reports an error.
func (s *gobwasServer) enter(all *members[*gobwasConn], receive func(*gobwasConn) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		desc, err := netpoll.HandleReadOnce(conn)
		if err != nil {
			conn.Close()
			return
		}
		c, topic := &gobwasConn{conn: conn}, r.PathValue("name")
		all.join(topic, c)
		read := func() {
			if receive(c) == nil {
				s.poller.Resume(desc)
				return
			}
			all.leave(topic, c)
			c.mu.Lock() // Start has returned
			defer c.mu.Unlock()
			s.poller.Stop(desc)
			desc.Close()
			conn.Close()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		s.poller.Start(desc, func(netpoll.Event) { s.work <- read })
	}
}

// gobwasConn is a connection and, of a subscriber, what is to be sent to it: frames wait in a queue, which one goroutine at a
// time empties, and whoever lets it overflow is dropped.
type gobwasConn struct {
	conn    net.Conn
	mu      sync.Mutex
	queue   [][]byte
	sending bool
}

// end has the poller find the end of the stream. Closing would not be enough, as it has a descriptor of its own.
func (c *gobwasConn) end() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		tcp.CloseWrite()
		tcp.CloseRead()
	}
}

func (c *gobwasConn) echo() error {
	message, opcode, err := wsutil.ReadClientData(c.conn)
	if err != nil {
		return err
	}
	return wsutil.WriteServerMessage(c.conn, opcode, message)
}

func (c *gobwasConn) discard() error {
	_, _, err := wsutil.ReadClientData(c.conn)
	return err
}

func (c *gobwasConn) send(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == socketQueueMax {
		c.end()
		return
	}
	if c.queue = append(c.queue, frame); !c.sending {
		c.sending = true
		go c.drain()
	}
}

func (c *gobwasConn) drain() {
	for {
		c.mu.Lock()
		frames := c.queue
		c.queue = nil
		if c.sending = len(frames) > 0; !c.sending {
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		for _, frame := range frames {
			if _, err := c.conn.Write(frame); err != nil {
				c.end()
				return
			}
		}
	}
}
