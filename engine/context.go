package engine

import (
	"context"
	"time"
)

// Context is a context.Context to be embedded by value in what a handler layer keeps for each request.
type Context struct{ parent context.Context }

func (c *Context) Init(parent context.Context, x *Exchange) { c.parent = parent }
func (c *Context) Deadline() (time.Time, bool)              { return c.parent.Deadline() }
func (c *Context) Done() <-chan struct{}                    { return nil }
func (c *Context) Err() error                               { return nil }
func (c *Context) Value(key any) any                        { return c.parent.Value(key) }
func (c *Context) AfterFunc(f func()) (stop func() bool)    { return nil }
func (c *Context) Cancel()                                  {}
