package engine

import (
	"net"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/httpparse"
)

// Exchange is one request and its response.
type Exchange struct{}

func (x *Exchange) Conn() *Conn                           { return nil }
func (x *Exchange) Server() *Server                       { return nil }
func (x *Exchange) Head() *httpparse.Request              { return nil }
func (x *Exchange) HeadBytes() []byte                     { return nil }
func (x *Exchange) Now() time.Time                        { return time.Time{} }
func (x *Exchange) Date() []byte                          { return nil }
func (x *Exchange) ReadBody(p []byte) (int, error)        { return 0, nil }
func (x *Exchange) BodyDone() bool                        { return false }
func (x *Exchange) BodyBuffered() int                     { return 0 }
func (x *Exchange) Trailers() ([]httpparse.Field, []byte) { return nil, nil }
func (x *Exchange) SendContinue() error                   { return nil }

func (x *Exchange) Out() []byte                                     { return nil }
func (x *Exchange) SetOut(b []byte)                                 {}
func (x *Exchange) Flush(more ...[]byte) error                      { return nil }
func (x *Exchange) OutFull() bool                                   { return false }
func (x *Exchange) SendFile(f *os.File, n int64) (int64, error)     { return 0, nil }
func (x *Exchange) SetClose(linger bool)                            {}
func (x *Exchange) Closing() bool                                   { return false }
func (x *Exchange) Abort()                                          {}
func (x *Exchange) SetReadDeadline(at time.Time)                    {}
func (x *Exchange) SetWriteDeadline(at time.Time)                   {}
func (x *Exchange) Hijack() (c net.Conn, pending []byte, err error) { return nil, nil, nil }

func (x *Exchange) SetContext(c *Context) {}
func (x *Exchange) HungUp() bool          { return false }
