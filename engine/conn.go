package engine

import "net"

// Conn is one connection, as handlers and hooks see it.
type Conn struct{}

// RemoteAddr returns the peer's address. Any goroutine.
func (c *Conn) RemoteAddr() net.Addr { return nil }

// LocalAddr returns our address. Any goroutine.
func (c *Conn) LocalAddr() net.Addr { return nil }

// Remote returns RemoteAddr().String(), made once.
func (c *Conn) Remote() string { return "" }

// NetConn returns a net.Conn that stands for the connection, or nil.
func (c *Conn) NetConn() net.Conn { return nil }

// Value returns what SetValue set.
func (c *Conn) Value() any { return nil }

// SetValue attaches v to the connection.
func (c *Conn) SetValue(v any) {}

// Listener returns the listener given to Serve.
func (c *Conn) Listener() net.Listener { return nil }
