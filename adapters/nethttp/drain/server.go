package drain

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/engine/processes"
)

// quietPoll is how often Shutdown looks whether requests are still running.
const quietPoll = 5 * time.Millisecond

// Server is an http.Server that can be drained; a processes.Server. All its methods may be called by any goroutine.
type Server struct {
	http   *http.Server
	ending atomic.Bool

	states                       sync.Map // net.Conn to *atomic.Int32, an http.ConnState
	accepted, requests, hijacked atomic.Uint64
	open                         atomic.Int64

	mu        sync.Mutex
	listeners map[net.Listener]bool
	serving   sync.WaitGroup // of Serve; grows under mu while not stopped
	stopped   bool
}

// New takes over an http.Server that does not serve yet, and puts itself before its Handler and its ConnState, which are
// called as before.
func New(h *http.Server) *Server {
	s := &Server{http: h, listeners: map[net.Listener]bool{}}
	handler, hook := h.Handler, h.ConnState
	if handler == nil {
		handler = http.DefaultServeMux
	}
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		// A request for another protocol has a Connection field of its own in the answer.
		if s.ending.Load() && r.Header.Get("Upgrade") == "" {
			w.Header().Set("Connection", "close") // to HTTP/2 this means GOAWAY
		}
		handler.ServeHTTP(w, r)
	})
	h.ConnState = func(c net.Conn, state http.ConnState) {
		s.note(c, state)
		if hook != nil {
			hook(c, state)
		}
	}
	return s
}

func (s *Server) note(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.states.Store(c, new(atomic.Int32)) // StateNew is 0
		s.accepted.Add(1)
		s.open.Add(1)
	case http.StateHijacked, http.StateClosed:
		if _, was := s.states.LoadAndDelete(c); was {
			s.open.Add(-1)
		}
		if state == http.StateHijacked {
			s.hijacked.Add(1)
		}
	default:
		if v, ok := s.states.Load(c); ok {
			v.(*atomic.Int32).Store(int32(state))
		}
	}
}

// Serve accepts connections from l until Shutdown or Close, and returns http.ErrServerClosed after them. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		l.Close()
		return http.ErrServerClosed
	}
	s.listeners[l] = true
	s.serving.Add(1)
	s.mu.Unlock()
	err := s.http.Serve(l)
	s.serving.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if s.stopped {
		return http.ErrServerClosed
	}
	return err
}

// EndKeepAlives makes each response from now on the last of its connection. It closes nothing, so that a request that is on
// its way is answered: what to do some time before Shutdown.
func (s *Server) EndKeepAlives() { s.ending.Store(true) }

// Shutdown stops accepting, closes connections that are silent, waits until the others have been answered, and then is
// http.Server.Shutdown. It returns the error of ctx if that is done before.
func (s *Server) Shutdown(ctx context.Context) error {
	s.EndKeepAlives()
	s.stop()
	s.serving.Wait() // until then there may be a connection that has been accepted and that nobody knows of
	s.http.SetKeepAlivesEnabled(false)
	for c, state := range s.states.Range {
		if state.(*atomic.Int32).Load() == int32(http.StateNew) {
			c.(net.Conn).Close()
		}
	}
	look := time.NewTicker(quietPoll)
	defer look.Stop()
	for s.busy() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
	return s.http.Shutdown(ctx)
}

// busy reports whether a request is running.
func (s *Server) busy() (found bool) {
	for _, state := range s.states.Range {
		if state.(*atomic.Int32).Load() == int32(http.StateActive) {
			return true
		}
	}
	return false
}

// Close stops accepting and cuts every connection that has not been hijacked.
func (s *Server) Close() error {
	s.EndKeepAlives()
	s.stop()
	return s.http.Close()
}

// stop closes the listeners, without http.Server knowing: it would drop requests from then on.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for l := range s.listeners {
		l.Close()
	}
}

// Counters returns what the server has counted since New. A request is one that reached the handler.
func (s *Server) Counters() processes.Counters {
	return processes.Counters{
		Accepted: s.accepted.Load(), Open: uint64(max(0, s.open.Load())), Requests: s.requests.Load(), Hijacked: s.hijacked.Load(),
	}
}
