package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Context is a context.Context to be embedded by value in what a handler layer keeps for each request. It ends when
// its parent does, when the peer leaves (see Exchange.SetContext), and when the exchange is over.
//
// It costs nothing until somebody asks whether it has ended, by Done, Err or AfterFunc: only then is the transport asked
// to watch the peer. The first Done makes a context of package context, and from then on that is what answers: so
// contexts derived from this one find it and need no goroutine, and Cause is right. The zero Context is not usable:
// Init comes first. It must not be copied. All methods but Init are any goroutine's, also after the exchange.
type Context struct {
	parent  context.Context
	derived atomic.Pointer[derived]

	mu      sync.Mutex // guards the following
	x       *Exchange  // nil once the exchange is over
	ended   bool       // before derived was made
	asked   bool       // somebody wants to know
	watched bool       // Conn.Watch has been called
	body    bool       // the body's end has not been reached: the end of the peer's side means nothing yet

	watching sync.Mutex // held during Conn.Watch
}

type derived struct {
	context.Context
	cancel context.CancelFunc
}

// Init prepares c for the exchange x, or without x for nobody who could leave. parent gives values, a deadline, and
// ends c when it ends. Call it before anybody else has c, then x.SetContext(c).
func (c *Context) Init(parent context.Context, x *Exchange) {
	c.parent = parent
	c.x = x
	c.body = x != nil && !x.BodyDone()
}

// Deadline implements context.Context: the parent's.
func (c *Context) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Value implements context.Context: the parent's values.
func (c *Context) Value(key any) any {
	if d := c.derived.Load(); d != nil {
		return d.Value(key)
	}
	return c.parent.Value(key)
}

// Done implements context.Context.
func (c *Context) Done() <-chan struct{} { return c.derive().Done() }

// Err implements context.Context.
func (c *Context) Err() error {
	if d := c.derived.Load(); d != nil {
		return d.Err()
	}
	c.watch(true)
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	if !ended && c.parent.Err() == nil {
		return nil
	}
	return c.derive().Err() // and never anything else
}

// AfterFunc arranges for f to run in a goroutine of its own when c has ended, at once if it has. stop ends the
// arrangement and reports whether it kept f from being started.
func (c *Context) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.derive(), f) }

// Cancel ends c with context.Canceled, if it has not ended.
func (c *Context) Cancel() {
	c.mu.Lock()
	d := c.derived.Load()
	c.ended = true
	c.mu.Unlock()
	if d != nil {
		d.cancel()
	}
}

// derive makes the context that package context knows, once.
func (c *Context) derive() *derived {
	if d := c.derived.Load(); d != nil {
		return d
	}
	c.mu.Lock()
	d := c.derived.Load()
	if d == nil {
		ctx, cancel := context.WithCancel(c.parent)
		d = &derived{ctx, cancel}
		if c.ended {
			cancel()
		}
		c.derived.Store(d)
	}
	c.mu.Unlock()
	c.watch(true)
	return d
}

// watch asks the transport to watch the peer, once somebody wants to know and the body has been read: a transport that
// watches by reading must not take bytes of the body.
func (c *Context) watch(ask bool) {
	c.mu.Lock()
	x := c.x
	if ask && !c.asked && x != nil {
		// Only now does the session have somebody to tell. What it heard before, it and the connection know still.
		x.c.ctx.Store(c)
	}
	c.asked = c.asked || ask
	if !c.asked || c.watched || x == nil {
		c.mu.Unlock()
		return
	}
	gone := x.c.marks.Load()&markReset != 0
	if gone || c.body {
		c.mu.Unlock()
	} else {
		c.watched = true
		c.watching.Lock()
		c.mu.Unlock()
		x.c.conn.Watch(x.t)
		// What was noticed before there was a context to tell.
		gone = x.c.conn.HungUp()
		c.watching.Unlock()
	}
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
	gone := reset || !c.body
	c.mu.Unlock()
	if gone {
		c.Cancel()
	}
}

// end is for the exchange that is over: nothing of it is used from here on. Most contexts were never asked anything, and
// for them this lock is all.
func (c *Context) end() {
	c.mu.Lock()
	if c.asked && c.x != nil {
		c.x.c.ctx.Store(nil)
	}
	c.x = nil
	c.ended = true
	d, watched := c.derived.Load(), c.watched
	c.mu.Unlock()
	if watched {
		// A call of Watch that is under way must not reach into the next exchange.
		c.watching.Lock()
		//lint:ignore SA2001 waiting is all there is to do
		c.watching.Unlock()
	}
	if d != nil {
		d.cancel()
	}
}
