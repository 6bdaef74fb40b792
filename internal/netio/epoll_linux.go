package netio

import (
	"errors"
	"math"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is an epoll instance that is itself watched by the runtime's poller, edge-triggered, like any socket of package
// net. So a loop with nothing to do parks its goroutine and holds no thread.
//
// Parking goes through RawConn.Read, whose order is what everything here rests on:
//
//  1. forget edges reported so far
//  2. call our function; true: return
//  3. park until an edge is reported that came after 1; go to 2
//
// An event before step 1 is found by the epoll_wait of step 2. One after step 1 makes an edge that step 3 sees. So none
// is lost between looking and parking, provided that step 2 looks until epoll_wait says that nothing is left.
//
// The bell is an eventfd, watched edge-triggered and never read: every write makes a new edge. Wake and Cycle ring it.
type epoll struct {
	fd    int // of the epoll instance; file owns it
	bell  int
	gate  gate // who is using fd and bell
	file  *os.File
	raw   syscall.RawConn
	woken atomic.Bool // Wake has been called since the last parked Wait; set before the bell rings

	// What follows belongs to the caller of Wait or Cycle.
	look   func(uintptr) bool // the function of step 2, made once: a closure per call would be an allocation
	trip   func(uintptr) bool // the same for Cycle
	into   []Event            // look's argument
	filled int                // look's result
	rung   bool               // trip's state
	err    error              // of look or trip
	batch  [batchMax]unix.EpollEvent
}

const (
	// batchMax bounds the events of one epoll_wait: 3 KiB, and more than a turn should take on at once.
	batchMax = 256
	// bellData is the cookie of the bell, which Add refuses.
	bellData = math.MaxUint64
)

func newPoller() (Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, openError(err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(fd)
		return nil, openError(err)
	}
	p := &epoll{fd: fd, bell: bell}
	p.look, p.trip = p.lookOnce, p.tripOnce
	if err := p.open(); err != nil {
		if p.file == nil {
			unix.Close(fd)
		} else {
			p.file.Close()
		}
		unix.Close(bell)
		return nil, openError(err)
	}
	return p, nil
}

func (p *epoll) open() error {
	if err := p.ctl(unix.EPOLL_CTL_ADD, p.bell, unix.EPOLLIN|unix.EPOLLET, bellData); err != nil {
		return err
	}
	// os.NewFile gives a descriptor to the runtime's poller only if it is non-blocking, which means nothing else
	// to an epoll instance.
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return err
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		return err // the runtime's poller has refused it: a parked Wait would fail
	}
	var err error
	p.raw, err = p.file.SyscallConn()
	return err
}

func (p *epoll) Add(fd int, data uint64) error {
	return p.watch(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLRDHUP|unix.EPOLLET, data)
}

func (p *epoll) AddListener(fd int, data uint64) error {
	return p.watch(fd, unix.EPOLLIN|unix.EPOLLEXCLUSIVE, data)
}

func (p *epoll) watch(fd int, events uint32, data uint64) error {
	if data == bellData {
		return unix.EINVAL
	}
	if !p.gate.enter() {
		return ErrClosed
	}
	defer p.leave()
	return p.ctl(unix.EPOLL_CTL_ADD, fd, events, data)
}

func (p *epoll) Remove(fd int) error {
	if !p.gate.enter() {
		return ErrClosed
	}
	defer p.leave()
	return p.ctl(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (p *epoll) Wait(events []Event, park bool) (int, error) {
	if !p.gate.enter() {
		return 0, ErrClosed
	}
	defer p.leave()
	if !park {
		return p.poll(events)
	}
	p.into, p.filled, p.err = events, 0, nil
	err := p.raw.Read(p.look)
	p.into = nil
	// Whoever called Wake before this has his answer. Whoever calls it from now on rings for the next Wait.
	p.woken.Swap(false)
	switch {
	case p.err != nil:
		err = p.err
	case p.gate.closed():
		err = ErrClosed
	}
	if err != nil {
		return 0, err
	}
	return p.filled, nil
}

// lookOnce is step 2 of a parked Wait. A Wake that comes after it has read woken as false has yet to ring.
func (p *epoll) lookOnce(uintptr) bool {
	p.filled, p.err = p.poll(p.into)
	return p.filled > 0 || p.err != nil || p.woken.Load() || p.gate.closed()
}

// poll takes the events that are there. When it returns 0, epoll_wait has said 0: the bell alone does not count.
func (p *epoll) poll(events []Event) (int, error) {
	batch := p.batch[:min(len(events), batchMax)]
	if len(batch) == 0 {
		return 0, unix.EINVAL
	}
	for {
		// batch is the poller's, which is alive; the kernel fills at most len(batch) of it. A timeout of 0 never
		// blocks. epoll_pwait without a mask is epoll_wait, which newer machines do not have.
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&batch[0])),
			uintptr(len(batch)), 0, 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0, ioError(e)
		}
		filled := 0
		for i := range batch[:n] {
			data := cookie(&batch[i])
			if data == bellData {
				continue
			}
			events[filled] = Event{Data: data, Flags: flags(batch[i].Events)}
			filled++
		}
		if filled > 0 || n == 0 {
			return filled, nil
		}
	}
}

func (p *epoll) Wake() {
	// Only the first Wake since a parked Wait rings: that Wait, when it clears woken, serves all of them. Always a
	// Swap, also if woken is set already: it orders what the caller did before the Wait's return.
	if p.woken.Swap(true) || !p.gate.enter() {
		return
	}
	p.ring()
	p.leave()
}

// Cycle parks on the runtime's poller with an edge that is certain to come, because trip rings the bell after step 1, when
// earlier edges are forgotten. The ring leaves the bell on the ready list of our epoll instance; only an epoll_wait on it
// takes it off, and we are its only caller. So when the runtime polls next it finds our instance ready and reports it. If
// it has polled between the ring and step 3, that edge is remembered and the trip has been made.
func (p *epoll) Cycle() error {
	if !p.gate.enter() {
		return ErrClosed
	}
	defer p.leave()
	p.rung = false
	return p.raw.Read(p.trip)
}

func (p *epoll) tripOnce(uintptr) bool {
	if p.rung {
		return true
	}
	p.rung = true
	p.ring()
	return false
}

func (p *epoll) Close() error {
	if !p.gate.close() {
		return ErrClosed
	}
	p.ring()
	p.leave()
	return nil
}

// leave ends the use that gate.enter began. The last one out of a closed poller releases it.
func (p *epoll) leave() {
	if p.gate.leave() {
		p.file.Close()
		unix.Close(p.bell)
	}
}

// ring makes a new edge on the bell, and by that one on the epoll instance.
func (p *epoll) ring() {
	n := uint64(1)
	for {
		// n is this frame's: eight bytes, as an eventfd wants.
		_, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(p.bell), uintptr(unsafe.Pointer(&n)), unsafe.Sizeof(n))
		switch e {
		case unix.EINTR:
		case unix.EAGAIN: // the counter is full, after 2⁶⁴-2 rings: empty it
			var count uint64
			unix.RawSyscall(unix.SYS_READ, uintptr(p.bell), uintptr(unsafe.Pointer(&count)), unsafe.Sizeof(count))
		default:
			return
		}
	}
}

func (p *epoll) ctl(op, fd int, events uint32, data uint64) error {
	// The cookie's halves are stored and read back as they are, so the machine's byte order does not matter.
	ev := unix.EpollEvent{Events: events, Fd: int32(data), Pad: int32(data >> 32)}
	// ev is this frame's, and the kernel copies it.
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	if e != 0 {
		return ioError(e)
	}
	return nil
}

func cookie(ev *unix.EpollEvent) uint64 { return uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32 }

func flags(events uint32) (f Flags) {
	if events&unix.EPOLLIN != 0 {
		f |= In
	}
	if events&unix.EPOLLOUT != 0 {
		f |= Out
	}
	if events&unix.EPOLLRDHUP != 0 {
		f |= RdHup
	}
	if events&unix.EPOLLHUP != 0 {
		f |= Hup
	}
	if events&unix.EPOLLERR != 0 {
		f |= Err
	}
	return f
}

// openError sorts the errors of making a descriptor.
func openError(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return acceptError(e)
	}
	return err
}
