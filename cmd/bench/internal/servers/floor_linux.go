package servers

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// floor is the raw server on our own poller. For each event it makes one read and one write and nothing else, so no server
// on this poller can cost less: it is the lower bound that the others are compared with.
//
// An event names a descriptor, which is safe here alone: a descriptor is closed by the loop that got its event, and a batch
// has no second event of it.
type floor struct {
	kernel  netio.Kernel
	pollers []netio.Poller // one for each loop; the first watches the listener
	answer  *fixed
	listen  int
	next    int // the loop that gets the next connection
	ending  atomic.Bool
	ended   chan struct{}

	mu   sync.Mutex
	open map[int]bool
}

const (
	floorEvents   = 256
	floorRead     = 16 << 10
	floorListener = math.MaxUint32 // no descriptor is as large
)

func newFloor(_ string, o Options) (Server, error) {
	k, err := netio.System()
	if err != nil {
		return nil, err
	}
	loops, err := loopCount(o)
	if err != nil {
		return nil, err
	}
	f := &floor{kernel: k, open: map[int]bool{}, ended: make(chan struct{})}
	for range loops {
		p, err := k.NewPoller()
		if err != nil {
			f.closePollers()
			return nil, err
		}
		f.pollers = append(f.pollers, p)
	}
	return f, nil
}

func (f *floor) Serve(l net.Listener) error {
	defer close(f.ended)
	defer l.Close()
	defer f.closePollers()
	if err := f.watch(l); err != nil {
		return err
	}
	f.answer = newFixed()
	defer f.answer.close()
	var wg sync.WaitGroup
	for _, p := range f.pollers {
		wg.Go(func() { f.run(p) })
	}
	wg.Wait()
	for fd := range f.open {
		f.kernel.Close(fd)
	}
	return http.ErrServerClosed
}

// watch gives the listener to the first poller. Its descriptor stays the listener's, which Serve closes last.
func (f *floor) watch(l net.Listener) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("floor: a %T has no descriptor", l)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		f.listen = int(fd)
		if err = netio.SetListenerOptions(f.listen); err == nil {
			err = f.pollers[0].AddListener(f.listen, floorListener)
		}
	})
	if cerr != nil {
		return cerr
	}
	return err
}

// Shutdown ends all connections at once: an answer takes no time, so none is cut.
func (f *floor) Shutdown(ctx context.Context) error {
	f.ending.Store(true)
	for _, p := range f.pollers {
		p.Wake()
	}
	select {
	case <-f.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *floor) closePollers() {
	for _, p := range f.pollers {
		p.Close()
	}
}

// accept takes one connection: the listener is reported again as long as there are more.
func (f *floor) accept() {
	fd, _, err := f.kernel.Accept(f.listen)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.open[fd] = true
	f.mu.Unlock()
	p := f.pollers[f.next%len(f.pollers)]
	f.next++
	if p.Add(fd, uint64(fd)) != nil {
		f.hangUp(fd)
	}
}

func (f *floor) hangUp(fd int) {
	f.mu.Lock()
	delete(f.open, fd)
	f.kernel.Close(fd)
	f.mu.Unlock()
}

// floorLoop is what one loop keeps between events.
type floorLoop struct {
	*floor
	in, out []byte
	cut     map[int][]byte // what a read left of a head that had not ended, by descriptor
}

func (f *floor) run(p netio.Poller) {
	l := floorLoop{floor: f, in: make([]byte, floorRead), cut: map[int][]byte{}}
	events := make([]netio.Event, floorEvents)
	for {
		n, err := p.Wait(events, true)
		if err != nil || f.ending.Load() {
			return
		}
		answer := f.answer.bytes()
		for _, e := range events[:n] {
			if e.Data == floorListener {
				f.accept()
			} else if e.Flags&^netio.Out != 0 && !l.serve(int(e.Data), e.Flags, answer) {
				delete(l.cut, int(e.Data))
				f.hangUp(int(e.Data))
			}
		}
	}
}

// serve answers what has come on fd. It reports false when the connection has ended.
func (l *floorLoop) serve(fd int, news netio.Flags, answer []byte) bool {
	for {
		n, err := l.kernel.Read(fd, l.in)
		if err == netio.ErrAgain {
			return true
		}
		if err != nil || n == 0 {
			return false
		}
		l.out = l.out[:0]
		for range l.heads(fd, l.in[:n]) {
			l.out = append(l.out, answer...)
		}
		if len(l.out) > 0 {
			// Answers that do not fit the socket's buffer were never asked for by a load that waits for them.
			if sent, err := l.kernel.Write(fd, l.out); err != nil || sent < len(l.out) {
				return false
			}
		}
		if n < len(l.in) && news&(netio.RdHup|netio.Hup|netio.Err) == 0 {
			return true // a short read has emptied the socket
		}
	}
}

// heads counts those that end in p, the rest of a previous read before it.
func (l *floorLoop) heads(fd int, p []byte) int {
	if len(l.cut) > 0 {
		p = append(l.cut[fd], p...)
		delete(l.cut, fd)
	}
	n, end := heads(p)
	if rest := p[end:]; len(rest) > 0 {
		// Of a head that has not ended only its last three bytes can be part of its end.
		l.cut[fd] = append([]byte(nil), rest[max(0, len(rest)-len(endOfHead)+1):]...)
	}
	return n
}
