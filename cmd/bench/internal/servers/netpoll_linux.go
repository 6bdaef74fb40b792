package servers

import (
	"context"
	"net"
	"sync"

	"github.com/cloudwego/netpoll"
)

// netpollRaw is the raw server on netpoll's pollers and its pool of goroutines.
type netpollRaw struct {
	netpoll.EventLoop
	answer *fixed
	stop   sync.Once
}

func newNetpollRaw(_ string, o Options) (s Server, err error) {
	if err := setNetpollLoops(o); err != nil {
		return nil, err
	}
	raw := &netpollRaw{answer: newFixed()}
	raw.EventLoop, err = netpoll.NewEventLoop(raw.serve)
	return raw, err
}

// setNetpollLoops asks netpoll for so many pollers, which all servers of the process on it share.
func setNetpollLoops(o Options) error {
	if o.Loops == 0 {
		return nil
	}
	loops, err := loopCount(o)
	if err != nil {
		return err
	}
	return netpoll.Configure(netpoll.Config{PollerNum: loops})
}

func (s *netpollRaw) Serve(l net.Listener) error { return s.EventLoop.Serve(l) }

func (s *netpollRaw) Shutdown(ctx context.Context) error {
	s.stop.Do(s.answer.close)
	return s.EventLoop.Shutdown(ctx)
}

// serve answers what has come, and waits where a head has not ended: netpoll would call it again for the same bytes.
func (s *netpollRaw) serve(_ context.Context, c netpoll.Connection) error {
	r, w := c.Reader(), c.Writer()
	for {
		in, err := r.Peek(r.Len())
		if err != nil {
			return err
		}
		n, end := heads(in)
		if n > 0 {
			answer := s.answer.bytes()
			out, err := w.Malloc(n * len(answer))
			if err != nil {
				return err
			}
			for len(out) > 0 {
				out = out[copy(out, answer):]
			}
			if err := r.Skip(end); err != nil {
				return err
			}
			if err := r.Release(); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
		}
		if end == len(in) {
			return nil
		}
		if _, err := r.Peek(len(in) - end + 1); err != nil {
			return err
		}
	}
}
