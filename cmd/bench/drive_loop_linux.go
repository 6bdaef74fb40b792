package main

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// loop drives many connections from one goroutine: a wait, then for each connection with news one read and one write.
// A goroutine per connection would cost the loader more than the server spends, and it would measure itself.
//
// An event names a connection by its index and the generation of its descriptor, so that one which was meant for a
// predecessor finds nobody.
type loop struct {
	run    *loadRun
	kernel netio.Kernel
	poller netio.Poller
	counts []*tally // by group
	conns  []loopConn

	dialing sync.WaitGroup
	mu      sync.Mutex
	dialled []dialled // connections opened anew, for drive to take up
	checked int64     // when the connections were last looked at for timeouts
}

type loopConn struct {
	client
	fd  int // -1: none at the moment
	gen uint32
	out []byte // of the batch, not yet taken by the kernel
}

type dialled struct{ index, fd int }

const (
	loopEvents = 256
	// turnReads bounds the reads of one connection in a row, so that a large body does not hold up the clock of
	// the others. What is left is read on the next turn.
	turnReads = 16
)

func newLoops(r *loadRun, slots []slot) ([]driver, error) {
	k, err := netio.System()
	if errors.Is(err, netio.ErrUnsupported) {
		return nil, errNoLoops
	}
	if err != nil {
		return nil, err
	}
	var ds []driver
	for i := range max(1, min(r.loops, len(slots))) {
		l := &loop{run: r, kernel: k}
		for range r.groups {
			l.counts = append(l.counts, newTally())
		}
		memos := make([]memo, len(r.groups))
		for j := i; j < len(slots); j += max(1, r.loops) {
			g := slots[j].group
			l.conns = append(l.conns, loopConn{client: newClient(r.groups[g], l.counts[g], &memos[g]), fd: -1})
		}
		if l.poller, err = k.NewPoller(); err == nil {
			err = l.adopt(slots, i)
		}
		if err != nil {
			l.release()
			for _, d := range ds {
				d.(*loop).release()
			}
			return nil, err
		}
		ds = append(ds, l)
	}
	for _, s := range slots {
		s.conn.Close() // each lives on as the descriptor in its loop
	}
	return ds, nil
}

// adopt takes descriptors of its own for this loop's share of the slots.
func (l *loop) adopt(slots []slot, first int) (err error) {
	for j := range l.conns {
		if l.conns[j].fd, err = ownFD(slots[first+j*max(1, l.run.loops)].conn); err != nil {
			return err
		}
	}
	return nil
}

// ownFD duplicates c's descriptor. c itself is registered with the runtime's poller, which would be woken by every
// response; closing c ends that, and the connection lives on.
func ownFD(c net.Conn) (int, error) {
	fd, err := netio.ConnFD(c)
	if err != nil {
		return -1, err
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

func (l *loop) tallies() []*tally { return l.counts }

func (l *loop) tick() { l.poller.Wake() }

func (l *loop) release() {
	for i := range l.conns {
		if fd := l.conns[i].fd; fd >= 0 {
			l.kernel.Close(fd)
		}
	}
	if l.poller != nil {
		l.poller.Close()
	}
}

func (l *loop) drive() {
	defer l.release()
	scratch := make([]byte, readBytes)
	events := make([]netio.Event, loopEvents)
	var unread, more []netio.Event
	for i := range l.conns {
		l.begin(i)
	}
	for !l.run.over() {
		n, err := l.poller.Wait(events, len(unread) == 0)
		if err != nil {
			l.counts[0].lockedFail("poller", "%v", err)
			break
		}
		more = more[:0]
		for _, e := range unread {
			more = l.handle(e, scratch, more)
		}
		for _, e := range events[:n] {
			more = l.handle(e, scratch, more)
		}
		unread, more = more, unread
		l.takeDialled()
		l.checkTimeouts()
	}
	l.dialing.Wait()
	l.takeDialled()
}

// begin starts the closed loop on a connection that has just been opened.
func (l *loop) begin(i int) {
	c := &l.conns[i]
	c.gen++
	if err := l.poller.Add(c.fd, uint64(c.gen)<<32|uint64(i)); err != nil {
		c.tally.lockedFail("poller", "%v", err)
		l.drop(i, wantOut)
		return
	}
	l.send(i)
}

func (l *loop) send(i int) {
	c := &l.conns[i]
	c.out = c.send(l.run.now())
	l.flush(i)
}

func (l *loop) flush(i int) {
	c := &l.conns[i]
	for len(c.out) > 0 {
		n, err := l.kernel.Write(c.fd, c.out)
		c.out = c.out[n:]
		if err != nil {
			// A server that refuses a body and closes has said why: the answer is still to be read, and if there
			// is none the read tells.
			if err != netio.ErrAgain {
				c.out = nil
			}
			return
		}
	}
	if c.pending == 0 {
		l.send(i) // the answers had come before the last of the batch was out
	}
}

// handle serves one event. What could be read further goes to unread.
func (l *loop) handle(e netio.Event, scratch []byte, unread []netio.Event) []netio.Event {
	i := int(uint32(e.Data))
	c := &l.conns[i]
	if c.gen != uint32(e.Data>>32) || c.fd < 0 {
		return unread
	}
	if e.Flags&netio.Out != 0 && len(c.out) > 0 {
		l.flush(i)
	}
	if e.Flags&^netio.Out == 0 {
		return unread
	}
	for range turnReads {
		n, err := l.kernel.Read(c.fd, scratch)
		if err == netio.ErrAgain || l.run.over() {
			return unread
		}
		now := l.run.now()
		want := wantRead
		switch {
		case err != nil:
			want = c.ended(err, now, l.run.counts())
		case n == 0:
			want = c.ended(nil, now, l.run.counts())
		default:
			want = c.receive(scratch[:n], now, l.run.counts())
		}
		switch want {
		case wantSend:
			if len(c.out) == 0 {
				c.out = c.send(now)
				l.flush(i)
			}
		case wantFresh, wantOut:
			l.drop(i, want)
			return unread
		}
		// A short read has emptied the socket, unless the end of the stream stands behind it.
		if n < len(scratch) && e.Flags&(netio.RdHup|netio.Hup|netio.Err) == 0 {
			return unread
		}
	}
	return append(unread, e)
}

// drop closes a connection and has another one opened in its place.
func (l *loop) drop(i int, why next) {
	c := &l.conns[i]
	l.kernel.Close(c.fd)
	c.fd, c.out = -1, nil
	c.gen++
	if l.run.over() {
		return
	}
	l.dialing.Go(func() {
		if why == wantOut {
			time.Sleep(redialPause)
		}
		conn, err := l.run.dial(l.run.ctx)
		fd := -1
		if err == nil {
			fd, err = ownFD(conn)
			conn.Close()
		}
		if err != nil {
			l.run.lostForGood(c.tally, err)
			return
		}
		l.mu.Lock()
		l.dialled = append(l.dialled, dialled{i, fd})
		l.mu.Unlock()
		l.poller.Wake()
	})
}

func (l *loop) takeDialled() {
	l.mu.Lock()
	ready := l.dialled
	l.dialled = nil
	l.mu.Unlock()
	for _, d := range ready {
		c := &l.conns[d.index]
		c.again()
		c.fd = d.fd
		if !l.run.over() {
			l.begin(d.index)
		}
	}
}

// checkTimeouts drops connections whose responses are overdue.
func (l *loop) checkTimeouts() {
	now := l.run.now()
	if now-l.checked < int64(tickEvery) {
		return
	}
	l.checked = now
	for i := range l.conns {
		c := &l.conns[i]
		if c.fd >= 0 && c.pending > 0 && now-c.started > int64(l.run.timeout) {
			c.tally.lockedFail("timeout", "no whole response within %v", l.run.timeout)
			l.drop(i, wantOut)
		}
	}
}
