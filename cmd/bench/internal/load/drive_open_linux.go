package load

import (
	"context"
	"math"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// openLoop is what a loop keeps of a group whose requests are due at times of a schedule: the connections that have nothing
// to do, first come first used, so that all of them are, and the time for which the first of them waits.
type openLoop struct {
	waiting []int // a ring of as many places as the loop has connections
	head, n int
	due     int64 // of the next request, taken from the schedule; 0: none is taken
}

func (l *loop) enqueue(i int) {
	c := &l.conns[i]
	if c.queued {
		return // it was lost while it waited, and another one has taken its place
	}
	c.queued = true
	o := &l.open[c.number]
	if o.waiting == nil {
		o.waiting = make([]int, len(l.conns))
	}
	o.waiting[(o.head+o.n)%len(o.waiting)] = i
	o.n++
}

func (l *loop) sendDue() {
	now := l.run.now()
	for g := range l.open {
		l.sendDueOf(g, now)
	}
}

// sendDueOf sends what is due at now on the connections that wait. A request is taken only when there is one, so that another
// loop may have it if this one is busy.
func (l *loop) sendDueOf(group int, now int64) {
	o := &l.open[group]
	for o.n > 0 {
		if o.due == 0 {
			o.due = l.run.Groups[group].schedule.take()
		}
		if o.due > now {
			l.run.Groups[group].schedule.met.Store(now)
			return
		}
		i := o.waiting[o.head]
		o.head = (o.head + 1) % len(o.waiting)
		o.n--
		c := &l.conns[i]
		c.queued = false
		if c.fd < 0 && !c.group.Close {
			continue // it is being opened anew, and will come back
		}
		due := o.due
		o.due = 0
		l.send(i, due, now)
	}
}

// spinBelow is the time that parking and being woken costs: what is due sooner is waited for awake.
const spinBelow = 20 * time.Microsecond

// mayPark reports whether the loop may sleep until something happens, and sets the alarm to when something is due.
func (l *loop) mayPark() bool {
	first := int64(math.MaxInt64)
	for g := range l.open {
		if o := &l.open[g]; o.n > 0 && o.due > 0 {
			first = min(first, o.due)
		}
	}
	if first == math.MaxInt64 {
		return true
	}
	d := time.Duration(first - l.run.now())
	return d > spinBelow && l.alarm.set(first, d)
}

// leaveUnanswered notes, at the end, what is still to be answered, or was due and is still to be sent.
func (l *loop) leaveUnanswered() {
	for i := range l.conns {
		l.run.leave(&l.conns[i].client)
	}
	for g := range l.open {
		if due := l.open[g].due; due > 0 {
			l.run.unanswered(l.counts[g], due)
		}
	}
}

// alarm wakes a poller at a time. The runtime's own timers would do so up to a millisecond late, which an open loop would
// have to count as the server's.
type alarm struct {
	fd int // of a timerfd
	at int64
}

// alarmData is the cookie of the alarm: no connection has that index.
const alarmData = math.MaxUint32

func newAlarm(p netio.Poller) (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return alarm{fd: -1}, err
	}
	if err := p.Add(fd, alarmData); err != nil {
		unix.Close(fd)
		return alarm{fd: -1}, err
	}
	return alarm{fd: fd}, nil
}

// set has the poller woken in d, at the time at of the run. It reports false if that cannot be done.
func (a *alarm) set(at int64, d time.Duration) bool {
	if a.at == at {
		return true
	}
	a.at = at
	// It is never read: each time it is set anew its next expiry is an edge.
	return unix.TimerfdSettime(a.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil) == nil
}

func (a *alarm) close() {
	if a.fd >= 0 {
		unix.Close(a.fd)
		a.fd = -1
	}
}

// target is where a loop connects to for each request, by two calls into the kernel: package net would make a dozen, and
// register the connection with the runtime's poller.
type target struct {
	family int
	addr   unix.Sockaddr
}

// newTarget looks for the address of a name by connecting to it: of several addresses one answers, which need not be the first.
func newTarget(ctx context.Context, addr string, timeout time.Duration) (target, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if host, _, _ := net.SplitHostPort(addr); err == nil && net.ParseIP(host) == nil {
		var conn net.Conn
		if conn, err = (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", addr); err == nil {
			a = conn.RemoteAddr().(*net.TCPAddr)
			conn.Close()
		}
	}
	if err != nil {
		return target{}, err
	}
	if ip := a.IP.To4(); ip != nil {
		return target{unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}}, nil
	}
	return target{unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())}}, nil
}

// connect returns a socket that is being connected: the first write or read waits for that.
func (t target) connect() (fd int, err error) {
	if fd, err = unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err = unix.Connect(fd, t.addr); err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
