package load

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
	run    *Run
	kernel netio.Kernel
	poller netio.Poller
	counts []*Tally // by group
	conns  []loopConn
	open   []openLoop // by group
	alarm  alarm      // where there is an open loop
	to     target     // where there is a connection for every request
	plain  []byte     // scratch: what was read, decrypted

	dialing sync.WaitGroup
	mu      sync.Mutex
	dialled []dialled // connections opened anew, for drive to take up
	checked int64     // when the connections were last looked at for timeouts
}

type loopConn struct {
	client
	number int // of the group
	fd     int // -1: none at the moment
	tls    *secured
	gen    uint32
	out    []byte // of the batch, not yet taken by the kernel
	queued bool   // waits in the open loop's queue
}

type dialled struct {
	index, fd int
	tls       *secured
}

const (
	loopEvents = 256
	// turnReads bounds the reads of one connection in a row, so that a large body does not hold up the clock of
	// the others. What is left is read on the next turn.
	turnReads = 16
)

func newLoops(r *Run, slots []slot) ([]driver, error) {
	k, err := netio.System()
	if errors.Is(err, netio.ErrUnsupported) {
		return nil, errNoLoops
	}
	if err != nil {
		return nil, err
	}
	var ds []driver
	for i := range max(1, min(r.Loops, len(slots))) {
		l := &loop{run: r, kernel: k, open: make([]openLoop, len(r.Groups)), alarm: alarm{fd: -1}}
		memos := make([][]memo, len(r.Groups))
		for i, g := range r.Groups {
			l.counts = append(l.counts, NewTally())
			memos[i] = make([]memo, len(g.Requests))
		}
		for j := i; j < len(slots); j += max(1, r.Loops) {
			g := slots[j].group
			c := newClient(r.Groups[g], l.counts[g], memos[g], slots[j].n)
			l.conns = append(l.conns, loopConn{client: c, number: g, fd: -1})
		}
		if l.poller, err = k.NewPoller(); err == nil {
			err = l.adopt(slots, i)
		}
		if err == nil {
			err = l.prepare()
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
	return ds, nil
}

// prepare makes what only some loads need.
func (l *loop) prepare() (err error) {
	for _, g := range l.run.Groups {
		if g.Rate > 0 && l.alarm.fd < 0 {
			if l.alarm, err = newAlarm(l.poller); err != nil {
				return err
			}
		}
		if g.Close {
			if l.to, err = newTarget(l.run.ctx, l.run.Addr, l.run.Timeout); err != nil {
				return err
			}
		}
	}
	return nil
}

// adopt takes descriptors of its own for this loop's share of the slots, which end: each connection lives on in its loop.
func (l *loop) adopt(slots []slot, first int) (err error) {
	for j := range l.conns {
		s := &slots[first+j*max(1, l.run.Loops)]
		if s.conn == nil {
			continue
		}
		conn := s.conn
		s.conn = nil
		if l.conns[j].fd, l.conns[j].tls, err = take(conn); err != nil {
			return err
		}
		if l.conns[j].tls != nil && l.plain == nil {
			l.plain = make([]byte, readBytes)
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

func (l *loop) tallies() []*Tally { return l.counts }

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
	l.alarm.close()
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
		n, err := l.poller.Wait(events, len(unread) == 0 && l.mayPark())
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
		l.sendDue()
		l.checkTimeouts()
	}
	l.dialing.Wait()
	l.takeDialled()
	l.leaveUnanswered()
}

// begin puts a connection to work that has just been opened, or one that is to be opened for each request.
func (l *loop) begin(i int) {
	if c := &l.conns[i]; c.fd < 0 || l.watch(i) {
		l.free(i, l.run.now())
	}
}

func (l *loop) watch(i int) bool {
	c := &l.conns[i]
	c.gen++
	if err := l.poller.Add(c.fd, uint64(c.gen)<<32|uint64(i)); err != nil {
		c.tally.lockedFail("poller", "%v", err)
		l.drop(i, wantOut)
		return false
	}
	return true
}

// free gives a connection that has nothing to do its next batch: in a closed loop now, in an open one when that is due.
func (l *loop) free(i int, now int64) {
	c := &l.conns[i]
	if c.group.schedule == nil {
		l.send(i, now, now)
		return
	}
	l.enqueue(i)
	l.sendDueOf(c.number, now)
}

func (l *loop) send(i int, started, now int64) {
	c := &l.conns[i]
	if c.fd < 0 {
		fd, err := l.to.connect()
		if err != nil {
			c.tally.lockedFail("connect: "+kindOf(err), "%v", err)
			l.drop(i, wantOut)
			return
		}
		if c.fd = fd; !l.watch(i) {
			return
		}
	}
	c.out = c.outgoing(c.send(started, now))
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
		l.free(i, l.run.now()) // the answers had come before the last of the batch was out
	}
}

// handle serves one event. What could be read further goes to unread.
func (l *loop) handle(e netio.Event, scratch []byte, unread []netio.Event) []netio.Event {
	i := int(uint32(e.Data))
	if e.Data == alarmData {
		return unread
	}
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
			want = l.arrived(c, scratch[:n], now)
		}
		switch want {
		case wantRead:
			if pong := c.takePong(); pong != nil {
				c.sendMore(pong)
			}
			if len(c.out) > 0 {
				l.flush(i)
			}
		case wantSend:
			if len(c.out) == 0 {
				l.free(i, now)
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
	if c.fd >= 0 {
		l.kernel.Close(c.fd)
	}
	c.fd, c.out, c.tls = -1, nil, nil
	c.gen++
	if l.run.over() {
		return
	}
	if c.group.Close && why == wantFresh {
		c.again()
		l.free(i, l.run.now())
		return
	}
	l.dialing.Go(func() {
		if why == wantOut {
			time.Sleep(redialPause)
		}
		conn, err := l.run.dial(l.run.ctx, c.group)
		d := dialled{index: i, fd: -1}
		if err == nil && c.group.Close { // it was to see whether the server is still there
			conn.Close()
		} else if err == nil {
			d.fd, d.tls, err = take(conn)
		}
		if err != nil {
			l.run.lostForGood(c.tally, err)
			return
		}
		l.mu.Lock()
		l.dialled = append(l.dialled, d)
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
		c.fd, c.tls = d.fd, d.tls
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
		if c.fd >= 0 && c.pending > 0 && now-c.sent > int64(l.run.Timeout) {
			c.tally.lockedFail("timeout", "no whole response within %v", l.run.Timeout)
			l.drop(i, wantOut)
		}
	}
}
