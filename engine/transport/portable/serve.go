package portable

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// errIdle: the connection was closed because it was idle, which is no error to its session.
var errIdle = errors.New("portable: closed while idle")

// serve is the connection's goroutine: wait, run, send, until the session or the peer ends it.
func (c *conn) serve() { c.work(false) }

// resume goes on where a net.Conn that rests has ended the goroutine.
func (c *conn) resume() { c.work(true) }

func (c *conn) work(resumed bool) {
	resting := false
	defer func() {
		if !resting {
			c.exit()
		}
	}()
	if resting = c.loop(resumed); resting {
		return // the connection may be another goroutine's by now
	}
	if b := c.t.Release(); b != nil {
		b.Free()
	}
}

func (c *conn) loop(resumed bool) (resting bool) {
	started, err := c.start(resumed)
	if err != nil {
		c.end = err
		return false
	}
	for paused := false; ; {
		step := c.session.Run
		switch {
		case started:
			started = false
		case paused:
			err = c.pause()
		default:
			if resting, err = c.wait(resumed); resting {
				return true
			}
			resumed = false
		}
		switch {
		case err == nil, err == io.EOF:
		case errors.Is(err, os.ErrDeadlineExceeded):
			// What a deadline was for has been decided when Expire returns.
			c.SetReadDeadline(time.Time{})
			step = c.session.Expire
		default:
			c.end = err
			return false
		}
		next, err := c.run(step)
		for err == nil && (next == transport.Write && c.duplex == nil || next == transport.Own || next == transport.Become) {
			if next == transport.Become {
				c.become()
			}
			next, err = c.run(c.session.Run)
		}
		switch {
		case err != nil:
			c.end = err
			return false
		case next == transport.Gone, next == transport.Close:
			return false
		case next == transport.Abort:
			c.Abort()
			return false
		case next == transport.Linger:
			c.linger()
			return false
		case next != transport.Write && c.t.EOF:
			return false
		}
		paused = next == transport.Write
	}
}

// start gives a session that wants it time before its first Run. It may be closed for being idle meanwhile.
func (c *conn) start(resumed bool) (started bool, err error) {
	s, ok := c.session.(transport.Starter)
	if !ok || resumed {
		return false, nil
	}
	c.mu.Lock()
	c.waiting = true
	c.mu.Unlock()
	started, err = s.Start()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if c.retired != nil {
		return false, errIdle
	}
	return started, err
}

func (c *conn) retiring() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retired != nil
}

// exit runs when the goroutine ends, in the middle of a session too (runtime.Goexit in a handler).
func (c *conn) exit() {
	if c.hijacked.Load() {
		return
	}
	c.mu.Lock()
	if c.retired != nil {
		c.retired.Stop()
	}
	c.mu.Unlock()
	if c.duplex != nil {
		c.duplex.end()
		c.duplex.join()
	}
	if c.end == errIdle {
		c.part()
		c.end = nil
	}
	c.nc.Close()
	c.session.Closed(c.end)
	c.r.remove(c)
}

// part is for a session that has something to say before it is closed for being idle.
func (c *conn) part() {
	s, ok := c.session.(transport.Parting)
	if !ok {
		return
	}
	var t transport.Turn
	if s.Part(&t); len(t.Out) > 0 {
		c.nc.SetWriteDeadline(time.Now().Add(transport.LingerTimeout))
		c.nc.Write(t.Out)
	}
}

// desk is what a goroutine needs only while a session runs.
type desk struct {
	local any
	out   []byte
}

// run gives the session a turn and sends what it leaves behind.
func (c *conn) run(step func(*transport.Turn) transport.Next) (transport.Next, error) {
	d, ok := c.r.desks.Get().(*desk)
	if !ok {
		d = new(desk)
	}
	t := &c.t
	t.Local, t.Out, t.Now = d.local, d.out[:0], time.Now()
	next := step(t)
	var err error
	if next != transport.Abort && next != transport.Gone {
		err = c.Flush(t)
	}
	d.local, d.out = t.Local, nil
	if cap(t.Out) <= outKeepMax {
		d.out = t.Out[:0]
	}
	t.Local, t.Out = nil, nil
	c.r.desks.Put(d)
	return next, err
}

// wait waits for input or Notify between two Runs. Only here may the connection be closed for being idle. A net.Conn that
// can rest has it end the goroutine, and resume it in the middle.
func (c *conn) wait(resumed bool) (resting bool, err error) {
	t := &c.t
	if !resumed {
		if over, err := c.settle(); over {
			return false, err
		}
		if c.rester != nil && c.rest() {
			return true, nil
		}
	}

	err = c.Fill(t)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.retiring() {
		// A passed deadline hides what has come: a request would be lost with the close.
		c.nc.SetReadDeadline(time.Now().Add(lookTime))
		err = c.Fill(t)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if retired := c.retired; retired != nil {
		if err != nil || !retired.Stop() {
			return false, errIdle
		}
		c.retired = nil
		c.nc.SetReadDeadline(c.readBy)
		return false, nil
	}
	if c.called {
		c.called = false
		c.nc.SetReadDeadline(c.readBy)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, nil
		}
	}
	return false, err
}

// settle prepares a wait, or reports that it is over.
func (c *conn) settle() (over bool, err error) {
	t := &c.t
	if b := t.Buffer(); b != nil && len(t.In) == 0 && (b.Cap() > transport.BufferSmall || c.rester != nil) {
		t.Release().Free()
	}
	if c.rester != nil {
		c.unwatch()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.r.stopped() && c.session.Idle() {
		return true, errIdle
	}
	if c.called {
		c.called = false
		return true, nil
	}
	c.waiting = true
	return false, nil
}

// linger ends our side and discards what comes, so that what we have sent is not destroyed by a reset. A connection that
// cannot end one side alone only waits: its peer would not know that it should close. The timer is for a net.Conn
// that has no deadlines.
func (c *conn) linger() {
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok {
		time.Sleep(transport.LingerTimeout)
		return
	}
	if c.duplex != nil {
		c.duplex.join()
	}
	w.CloseWrite()
	timer := time.AfterFunc(transport.LingerTimeout, func() { c.nc.Close() })
	defer timer.Stop()
	c.nc.SetReadDeadline(time.Now().Add(transport.LingerTimeout))
	c.join()
	waste := make([]byte, discardSize)
	for {
		if _, err := c.read(waste); err != nil {
			return
		}
	}
}

// Flush implements transport.Conn.
func (c *conn) Flush(t *transport.Turn, more ...[]byte) error {
	size := len(t.Out)
	for _, p := range more {
		size += len(p)
	}
	if size == 0 {
		return nil
	}
	out := t.Out
	t.Out = out[:0]
	var err error
	if len(more) == 0 || size <= transport.OutHigh {
		// One write, for a copy: few net.Conns know better what to do with several slices.
		for _, p := range more {
			out = append(out, p...)
		}
		t.Out = out[:0]
		_, err = c.nc.Write(out)
	} else {
		bufs := append(net.Buffers{out}, more...)
		_, err = bufs.WriteTo(c.nc)
	}
	if err != nil {
		return c.fault(err)
	}
	return nil
}

// SendFile implements transport.Conn: package net knows when to use sendfile(2).
func (c *conn) SendFile(t *transport.Turn, f *os.File, n int64) (int64, error) {
	if err := c.Flush(t); err != nil {
		return 0, err
	}
	var src io.Reader = f
	if n >= 0 {
		src = io.LimitReader(f, n)
	}
	sent, err := io.Copy(c.nc, src)
	if err != nil {
		err = c.fault(err)
	}
	return sent, err
}
