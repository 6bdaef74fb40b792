package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/adapters/internal/handed"
	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/native"
)

// Options say how HTTP/2 is spoken. The zero value is ready to use.
type Options struct {
	// Config bounds streams, frames and buffers. Nil means net/http's defaults; WriteByteTimeout, if zero, is the server's
	// WriteTimeout.
	Config *http.HTTP2Config
	// Unencrypted: connections without TLS that begin with HTTP/2's preface (RFC 9113, section 3.4) are served, too.
	Unencrypted bool
}

// Enable has srv speak HTTP/2 with clients that want it. It must be called before the first Serve; the connections then
// are part of srv's life: Shutdown lets their streams end, Close cuts them, and their requests are in its Counters.
//
// HTTP/2 is offered before what TLSConfig.NextProtos has, unless that has "h2" where it wants it. Of srv's fields
// HeadBytesMax, IdleTimeout, WriteTimeout and all that a request is measured by mean the same.
func Enable(srv *native.Server, o Options) {
	srv.Extend([]string{"h2"}, func(eng *engine.Server) {
		d := newDelegate(eng, o)
		eng.Delegate = d
		eng.NextProto = func(proto string) func(*engine.Conn, *tls.Conn) {
			if proto != "h2" {
				return nil
			}
			return func(c *engine.Conn, nc *tls.Conn) { d.hand(nc) }
		}
		if o.Unencrypted {
			eng.Preface = func(c *engine.Conn, nc net.Conn) { d.hand(nc) }
		}
	})
}

// delegate serves the connections; it implements engine.Delegate.
type delegate struct {
	http  *http.Server   // for the frames
	inner *engine.Server // for the requests
	queue *queue

	begin sync.Once // inner serves
}

var _ engine.Delegate = (*delegate)(nil)

func newDelegate(eng *engine.Server, o Options) *delegate {
	d := &delegate{queue: newQueue()}
	d.inner = &engine.Server{
		Handler: eng.Handler, Transport: "portable", HeadBytesMax: eng.HeadBytesMax, FieldsMax: eng.FieldsMax,
		Hooks:        engine.Hooks{Opened: opened},
		WriteTimeout: eng.WriteTimeout, AnswerTimeouts: eng.AnswerTimeouts, WriteTimeoutRenews: eng.WriteTimeoutRenews,
		Logf: eng.Logf,
	}
	config := new(http.HTTP2Config)
	if o.Config != nil {
		*config = *o.Config
	}
	if config.WriteByteTimeout == 0 {
		config.WriteByteTimeout = max(eng.WriteTimeout, 0)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(o.Unencrypted)
	d.http = &http.Server{
		Handler: &bridge{queue: d.queue, writeTimeout: max(eng.WriteTimeout, 0)}, Protocols: protocols, HTTP2: config,
		MaxHeaderBytes: eng.HeadBytesMax, IdleTimeout: max(eng.IdleTimeout, 0), ErrorLog: log.New(logger(eng.Logf), "", 0),
	}
	handed.Prepare(d.http, false) // has nothing to find fault with: there is no TLSConfig
	return d
}

// connKey is where the context of a connection's requests has the connection.
type connKey struct{}

// hand gives the delegate a connection.
func (d *delegate) hand(nc net.Conn) {
	d.begin.Do(func() { go d.inner.Serve(d.queue) })
	if !handed.Serve(context.WithValue(context.Background(), connKey{}, nc), d.http, nc) {
		nc.Close() // the server has ended in the meantime
	}
}

// Shutdown implements engine.Delegate. Handlers that look at Server.Draining see that they should come to an end.
func (d *delegate) Shutdown(ctx context.Context) error {
	d.inner.EndKeepAlives()
	if err := d.http.Shutdown(ctx); err != nil {
		return err
	}
	return d.inner.Shutdown(ctx)
}

// Close implements engine.Delegate.
func (d *delegate) Close() error { return errors.Join(d.http.Close(), d.inner.Close()) }

// EndKeepAlives implements engine.Delegate.
func (d *delegate) EndKeepAlives() {
	d.inner.EndKeepAlives()
	d.http.SetKeepAlivesEnabled(false)
}

// Counters implements engine.Delegate.
func (d *delegate) Counters() engine.Counters { return d.inner.Counters() }

// logger writes the lines of an http.Server's ErrorLog.
type logger func(format string, args ...any)

// Write implements io.Writer.
func (f logger) Write(line []byte) (int, error) {
	if f != nil {
		f("%s", strings.TrimSuffix(string(line), "\n"))
	}
	return len(line), nil
}

// patience is added to the write deadline of a stream, so that the handler's own, which has words for it, passes first.
const patience = time.Second
