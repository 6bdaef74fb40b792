package epoll

import (
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// listen puts the listener into the loop's poller, so that the loop accepts.
func (l *loop) listen() {
	l.acceptAt = 0
	if l.listening || l.r.stopping.Load() {
		return
	}
	err := l.r.rawListener.Control(func(fd uintptr) {
		if err := l.poller.AddListener(int(fd), listenerHandle); err != nil {
			// Out of watches or memory: as when accept finds none.
			l.pause("epoll: watch listener", err, acceptPauseMax)
			return
		}
		l.listening = true
	})
	if err != nil {
		l.r.wakeWatch() // closed: Serve wants to know
	}
}

// deafen takes the listener out of the loop's poller.
func (l *loop) deafen() {
	if l.listening {
		l.listening = false
		l.r.rawListener.Control(func(fd uintptr) { l.poller.Remove(int(fd)) })
	}
}

// accept takes what waits at the listener, a bounded number. Hooks hear of it when the listener is not held any more: they may
// close it.
func (l *loop) accept() {
	r := l.r
	if r.stopping.Load() {
		l.deafen()
		return
	}
	if !r.hold() { // whoever closes the listener need not have waited for us
		return
	}
	defer r.release()
	var accepted [acceptsPerTurn]struct {
		fd   int
		peer netip.AddrPort
	}
	n := 0
	var fail error
	closed := r.rawListener.Control(func(fd uintptr) {
		for range acceptsPerTurn {
			early := r.early.Load() // before: once the queue has been empty, all that comes has the options
			conn, peer, err := r.kernel.Accept(int(fd))
			switch err {
			case nil:
				if early {
					netio.SetConnOptions(conn) // it fails for a connection that has gone again
				}
				accepted[n].fd, accepted[n].peer = conn, peer
				n++
			case netio.ErrAborted:
			default:
				if early && err == netio.ErrAgain {
					r.early.Store(false)
				}
				fail = err
				return
			}
		}
	})
	for _, a := range accepted[:n] {
		l.acceptPause = 0
		r.admit(l, a.fd, a.peer)
	}
	switch {
	case closed != nil:
		l.listening = false
		r.wakeWatch()
	case fail == nil || fail == netio.ErrAgain:
	default:
		l.acceptPause = min(max(acceptPauseMin, 2*l.acceptPause), acceptPauseMax)
		l.pause("http: Accept error", fail, l.acceptPause)
	}
}

// pause ends accepting for a while, without descriptors or memory: a level-triggered listener nobody can serve would be
// reported for ever.
func (l *loop) pause(what string, err error, d time.Duration) {
	l.deafen()
	l.acceptAt = l.now + int64(d)
	l.r.logf("%s: %v; retrying in %v", what, err, d)
}

// admit gives an accepted descriptor to l, or to the emptiest loop if l has many more.
func (r *Runner) admit(l *loop, fd int, peer netip.AddrPort) {
	r.open.Add(1)
	to := l
	for _, other := range r.loops {
		if other.conns.Load()+acceptSkew < to.conns.Load() {
			to = other
		}
	}
	to.conns.Add(1)
	if to == l {
		l.adopt(fd, peer)
	} else {
		to.post(mail{adopt: true, fd: fd, peer: peer})
	}
}

// adopt makes an accepted descriptor, counted already, a connection of the loop.
func (l *loop) adopt(fd int, from netip.AddrPort) {
	r := l.r
	refuse := func(close func()) {
		close()
		l.conns.Add(-1)
		r.release()
	}
	if r.cutting.Load() {
		refuse(func() { r.kernel.Close(fd) })
		return
	}
	var x *ext
	if r.o.NetConns && r.real {
		nc, raw, number, err := r.wrap(fd)
		if err != nil {
			r.logf("epoll: net.Conn of an accepted connection: %v", err)
			refuse(func() {})
			return
		}
		fd = number
		x = &ext{nc: nc, raw: raw, remote: nc.RemoteAddr()}
	} else if !from.IsValid() || from.Addr().Zone() != "" {
		x = &ext{remote: r.remoteOf(fd, from)}
	}
	c := l.slots.take()
	c.loop, c.fd = l, int32(fd)
	c.ext = x
	c.peer = peer{}
	if from.IsValid() {
		c.peer = peerOf(from)
	}
	c.word.Store(evOut)
	c.readAt.Store(0)
	c.writeAt.Store(0)
	c.state, c.eof, c.wheelAt = stateRead, false, 0
	c.session = r.o.NewSession(c)
	if err := r.watch(c); err != nil {
		// A hook has closed it, or the kernel is out of watches or memory.
		if err != netio.ErrClosed && l.acceptAt == 0 {
			l.pause("epoll: watch connection", err, acceptPauseMax)
		}
		l.close(c, err, false)
		return
	}
	l.arm(c)
}

func (r *Runner) watch(c *conn) (err error) {
	if !c.exposed() {
		return c.loop.poller.Add(int(c.fd), c.handle())
	}
	if e := c.ext.raw.Control(func(fd uintptr) { err = c.loop.poller.Add(int(fd), c.handle()) }); e != nil {
		return netio.ErrClosed
	}
	return err
}

// wrap makes the net.Conn that hooks are shown. It owns the descriptor, which has a new number. For a moment that takes
// two: the second is the reserve, without which the last free descriptor would be a connection accepted only to be
// closed, and so would be all that wait behind it.
func (r *Runner) wrap(fd int) (net.Conn, rawConn, int, error) {
	r.reserve.Lock()
	if r.reserve.file != nil {
		r.reserve.file.Close()
	}
	nc, err := netio.NetConn(fd)
	r.reserve.file, _ = os.Open(os.DevNull)
	if r.ended.Load() && r.reserve.file != nil {
		r.reserve.file.Close()
	}
	r.reserve.Unlock()
	if err != nil {
		return nil, nil, 0, err
	}
	number, err := netio.ConnFD(nc)
	if err != nil {
		nc.Close()
		return nil, nil, 0, err
	}
	var raw rawConn
	switch nc := nc.(type) {
	case *net.TCPConn:
		raw, err = nc.SyscallConn()
	case *net.UnixConn:
		raw, err = nc.SyscallConn()
	}
	if err != nil {
		nc.Close()
		return nil, nil, 0, err
	}
	return nc, raw, number, nil
}

func (r *Runner) remoteOf(fd int, from netip.AddrPort) net.Addr {
	if from.IsValid() {
		return net.TCPAddrFromAddrPort(from)
	}
	if r.real {
		if _, remote, err := netio.SockAddrs(fd); err == nil && remote != nil {
			return remote
		}
	}
	return &net.UnixAddr{Net: "unix", Name: "@"}
}

// netConn makes a net.Conn of a duplicate of fd, which is being hijacked.
func (r *Runner) netConn(fd int) (net.Conn, error) {
	if !r.real {
		return nil, netio.ErrUnsupported
	}
	return netio.CopyConn(fd)
}

// attend is the part of Serve that waits: package net gives no event when a listener, or a connection that a hook knows, is
// closed, so they are asked.
func (r *Runner) attend() error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.stopped:
			return nil
		case <-r.watchNow:
		case <-tick.C:
		}
		if err := r.rawListener.Control(func(uintptr) {}); err != nil {
			return &net.OpError{Op: "accept", Net: r.listener.Addr().Network(), Addr: r.listener.Addr(), Err: net.ErrClosed}
		}
		if r.o.NetConns {
			r.broadcast(sweepWatch)
		}
	}
}

// attendRest goes on asking the connections, when there is no listener any more.
func (r *Runner) attendRest() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.monitor.stop:
			return
		case <-tick.C:
			r.broadcast(sweepWatch)
		}
	}
}

func (r *Runner) wakeWatch() {
	select {
	case r.watchNow <- struct{}{}:
	default:
	}
}
