package netio

import (
	"errors"
	"time"
)

// echo is a server as small as the contract allows. The same code runs on the real kernel and on the pretend one.
type echo struct {
	k     Kernel
	p     Poller
	lfd   int
	conns map[uint64]*echoConn // by data, which is never used twice: a stale event finds nobody
	last  uint64
	// Ways to read the contract. thrifty takes a read of less than it asked for as Again, as it may unless the peer
	// has ended: nothing will announce the end twice. forgetful reads once per event, as it may not.
	thrifty, forgetful bool
}

type echoConn struct {
	fd    int
	out   []byte // read, not yet written
	hup   bool
	ended bool
}

const echoListener = 0

// serve runs until the poller is closed, and closes what is open then.
func (e *echo) serve() error {
	e.conns = make(map[uint64]*echoConn)
	if err := e.p.AddListener(e.lfd, echoListener); err != nil {
		return err
	}
	events := make([]Event, 4)
	for {
		n, err := e.p.Wait(events, true)
		if err != nil {
			for data := range e.conns {
				e.close(data)
			}
			if errors.Is(err, ErrClosed) {
				return nil
			}
			return err
		}
		for _, ev := range events[:n] {
			if ev.Data == echoListener {
				if err := e.accept(); err != nil {
					return err
				}
			} else if c := e.conns[ev.Data]; c != nil {
				c.hup = c.hup || ev.Flags&(RdHup|Hup|Err) != 0
				if e.echo(c) {
					e.close(ev.Data)
				}
			}
		}
	}
}

func (e *echo) accept() error {
	for {
		fd, _, err := e.k.Accept(e.lfd)
		switch err {
		case nil:
			e.last++
			e.conns[e.last] = &echoConn{fd: fd}
			if err := e.p.Add(fd, e.last); err != nil {
				return err
			}
		case ErrAborted:
		case ErrAgain:
			return nil
		case ErrExhausted:
			time.Sleep(100 * time.Millisecond) // the listener is level-triggered, and comes back
			return nil
		default:
			return err
		}
	}
}

// echo goes on until the kernel says Again. done: the connection is over.
func (e *echo) echo(c *echoConn) (done bool) {
	var buf [32]byte
	for {
		for len(c.out) > 0 {
			n, err := e.k.Write(c.fd, c.out)
			if err != nil {
				return err != ErrAgain
			}
			c.out = c.out[n:]
		}
		if c.ended {
			return true
		}
		n, err := e.k.Read(c.fd, buf[:])
		if err != nil {
			return err != ErrAgain
		}
		c.ended = n == 0
		c.out = append(c.out, buf[:n]...)
		if e.forgetful || e.thrifty && n < len(buf) && !c.hup {
			n, err := e.k.Write(c.fd, c.out)
			if err != nil && err != ErrAgain {
				return true
			}
			if c.out = c.out[n:]; len(c.out) == 0 && !c.ended {
				return false
			}
		}
	}
}

func (e *echo) close(data uint64) {
	e.k.Close(e.conns[data].fd)
	delete(e.conns, data)
}
