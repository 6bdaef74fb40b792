package engine

import (
	"context"
	"sync"
	"time"
)

// Context is a context.Context to be embedded by value in what a handler layer keeps for each request. It ends when
// its parent does, when the peer leaves (see Exchange.SetContext), and when the exchange is over. It costs nothing
// until somebody asks for Done, Err or AfterFunc: only then is the transport asked to watch the peer, and only
// Done makes a channel. The zero Context is not usable; Init comes first. A Context must not be copied.
//
// Invariant: Err is not nil exactly when Done is closed, and never changes again.
type Context struct {
	parent context.Context

	mu       sync.Mutex // guards the following
	x        *Exchange  // nil once the exchange is over
	asked    bool       // somebody wants to know
	watched  bool       // Conn.Watch has been called
	body     bool       // the body's end has not been reached: the end of the peer's side means nothing yet
	err      error
	done     chan struct{}   // made when asked for
	funcs    map[*after]bool // of AfterFunc
	unparent func() bool     // ends the registration with the parent

	watching sync.Mutex // held during Conn.Watch
}

type after struct{ f func() }

// over is every ended Context's Done that was not asked for in time.
var over = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Init prepares c for the exchange x, or without x for nobody who could leave. parent gives values, a deadline, and ends c when it ends. Call it before
// anybody else has c, then x.SetContext(c).
func (c *Context) Init(parent context.Context, x *Exchange) {
	c.parent = parent
	c.x = x
	c.body = x != nil && !x.BodyDone()
}

// Deadline implements context.Context: the parent's.
func (c *Context) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Value implements context.Context: the parent's.
func (c *Context) Value(key any) any { return c.parent.Value(key) }

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	if c.done == nil {
		if c.err != nil {
			c.done = over
		} else {
			c.done = make(chan struct{})
		}
	}
	done := c.done
	c.mu.Unlock()
	c.follow()
	return done
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.watch(true)
	// Somebody who polls need not be told by the parent.
	if err := c.parent.Err(); err != nil {
		c.cancel(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc arranges for f to run in a goroutine of its own when c has ended, at once if it has. stop ends the
// arrangement and reports whether it kept f from being started. Package context calls it for the contexts derived
// from c, which therefore need no goroutine.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	a := &after{f}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		go f()
		return func() bool { return false }
	}
	if c.funcs == nil {
		c.funcs = make(map[*after]bool)
	}
	c.funcs[a] = true
	c.mu.Unlock()
	c.follow()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		waiting := c.funcs[a]
		delete(c.funcs, a)
		return waiting
	}
}

// Cancel ends c with context.Canceled, if it has not ended. Any goroutine.
func (c *Context) Cancel() { c.cancel(context.Canceled) }

func (c *Context) cancel(err error) {
	c.mu.Lock()
	c.cancelLocked(err)
	c.mu.Unlock()
}

func (c *Context) cancelLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	for a := range c.funcs {
		go a.f()
	}
	c.funcs = nil
	if c.unparent != nil {
		c.unparent()
		c.unparent = nil
	}
}

// follow makes c end with its parent and with the peer, now that somebody waits for it.
func (c *Context) follow() {
	if c.parent.Done() != nil {
		if err := c.parent.Err(); err != nil {
			c.cancel(err)
			return
		}
		c.mu.Lock()
		if c.err == nil && c.unparent == nil {
			// The function runs on a goroutine of its own, never inside this call, so the lock is free for it.
			c.unparent = context.AfterFunc(c.parent, func() { c.cancel(c.parent.Err()) })
		}
		c.mu.Unlock()
	}
	c.watch(true)
}

// watch asks the transport to watch the peer, once somebody wants to know and the body has been read: a transport that
// watches by reading must not take bytes of the body.
func (c *Context) watch(ask bool) {
	c.mu.Lock()
	c.asked = c.asked || ask
	if !c.asked || c.watched || c.body || c.err != nil || c.x == nil {
		if c.err == nil && c.x != nil && c.x.c.marks.Load()&markReset != 0 {
			c.cancelLocked(context.Canceled)
		}
		c.mu.Unlock()
		return
	}
	c.watched = true
	x := c.x
	c.watching.Lock()
	c.mu.Unlock()
	x.c.conn.Watch(x.t)
	gone := x.c.conn.HungUp()
	c.watching.Unlock()
	if gone {
		c.Cancel()
	}
}

// bodyRead tells that the end of the body has been reached.
func (c *Context) bodyRead() {
	c.mu.Lock()
	c.body = false
	c.mu.Unlock()
	c.watch(false)
}

// hangUp tells that the peer has ended its side, or is gone.
func (c *Context) hangUp(reset bool) {
	c.mu.Lock()
	if reset || !c.body {
		c.cancelLocked(context.Canceled)
	}
	c.mu.Unlock()
}

// end is for the exchange that is over: nothing of it is used from here on.
func (c *Context) end() {
	c.mu.Lock()
	c.x = nil
	c.cancelLocked(context.Canceled)
	watched := c.watched
	c.mu.Unlock()
	if watched {
		// A call of Watch that is under way must not reach into the next exchange.
		c.watching.Lock()
		c.watching.Unlock() //nolint:staticcheck // waiting is all there is to do
	}
}
