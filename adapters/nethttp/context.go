package nethttp

import (
	"net/http"

	"github.com/peregrine-http/peregrine/engine"
)

// requestContext is the context of one request. The values that net/http stores in contexts of the server and of the
// connection are looked up here when somebody asks, so that a connection needs no context.
type requestContext struct {
	engine.Context
	sv   *serving
	conn *engine.Conn
}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	switch key {
	case http.LocalAddrContextKey:
		return c.conn.LocalAddr()
	case http.ServerContextKey:
		if c.sv.srv.ConnContext == nil { // else its context has the key, and may have changed the value
			return c.sv.shadow
		}
	}
	return c.Context.Value(key)
}
