//go:build linux || darwin

package netpoll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/cloudwego/netpoll"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/internal/guest"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// New returns a runner whose connections live on netpoll's pollers. Options.Loops must be 0: the pollers are the
// process's, see netpoll.Configure.
func New(o transport.Options) (transport.Runner, error) {
	if o.Loops != 0 {
		return nil, fmt.Errorf("netpoll: Options.Loops is %d: want 0: netpoll's pollers are the whole process's, and netpoll.Configure says how many there are", o.Loops)
	}
	return guest.NewRunner(o, loops{o.Logf}, true, func() {})
}

type loops struct{ logf func(string, ...any) }

// Enter implements guest.Loops. netpoll gets a descriptor of its own, which it closes. Until it knows the function for
// input, nothing is lost: input is kept, and a connection that ends is not closed.
func (l loops) Enter(c *guest.Conn, sock net.Conn) {
	if err := l.enter(c, sock); err != nil && !errors.Is(err, net.ErrClosed) {
		l.log(c, err)
	}
}

func (l loops) log(c *guest.Conn, err error) {
	if l.logf != nil {
		l.logf("netpoll: %v: %v", c.RemoteAddr(), err)
	}
}

func (l loops) enter(c *guest.Conn, sock net.Conn) error {
	fd, err := dup(sock)
	if err != nil {
		return err
	}
	place, err := netpoll.NewFDConnection(fd)
	if err != nil {
		return err
	}
	place.AddCloseCallback(func(place netpoll.Connection) error {
		// Called before netpoll closes its descriptor and gives its buffers back, by whoever is the last to use them.
		deliver(c, place)
		c.Left(io.EOF)
		letGo(fd, place)
		return nil
	})
	entered := c.Entered(fd, seat{place})
	place.SetOnRequest(func(_ context.Context, place netpoll.Connection) error {
		if deliver(c, place) {
			l.log(c, ErrInputMax)
			c.Fail(ErrInputMax)
		}
		return nil
	})
	if !entered || !place.IsActive() {
		place.Close()
	}
	return sock.Close()
}

// deliver takes what netpoll has read, piece by piece: one piece of all would be a copy more. It reports whether more than
// InputMax waits to be read; then the rest is left.
func deliver(c *guest.Conn, place netpoll.Connection) (tooMuch bool) {
	r := place.Reader()
	tooMuch = r.Len() > InputMax
	for n := r.Len(); n > 0 && !tooMuch; n = r.Len() {
		p, err := r.Next(min(n, pieceMax))
		if err != nil {
			return false
		}
		tooMuch = c.Deliver(p) > InputMax
		r.Release()
	}
	return tooMuch
}

func dup(sock net.Conn) (fd int, err error) {
	s, ok := sock.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("netpoll: a %T has no descriptor", sock)
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return -1, err
	}
	if e := raw.Control(func(n uintptr) { fd, err = netio.Dup(int(n)) }); e != nil {
		return -1, e
	}
	return fd, err
}

type seat struct{ place netpoll.Connection }

// Leave implements guest.Seat.
func (s seat) Leave() { s.place.Close() }
