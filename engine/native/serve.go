package native

import (
	"context"
	"errors"
	"log/slog"

	"github.com/peregrine-http/peregrine/engine"
)

// serving is one call of Server.Serve: what its requests read.
type serving struct {
	srv    *Server // with its defaults filled in
	router *Router
	base   context.Context
	log    *slog.Logger
}

func servingOf(x *engine.Exchange) *serving { return x.Server().Handler.(*serving) }

// desk is what one goroutine that runs handlers works with. It lives in Exchange.Local, so that no request allocates it.
type desk struct {
	r Request
	w Response
}

// ServeExchange implements engine.Handler.
func (s *serving) ServeExchange(x *engine.Exchange) {
	d, ok := x.Local.(*desk)
	if !ok {
		d = new(desk)
		x.Local = d
	}
	returned := false
	defer func() {
		var value any
		if !returned {
			d.w.endEvents()
			value = recover()
		}
		if x.Recall() { // somebody has both still, and there is no answer
			if value != nil && value != ErrAbort {
				logPanic(s.log, &d.r, value)
			}
			x.Local = nil
			return
		}
		if !returned {
			d.escaped(s, x, value)
		}
		if !x.BodyDone() && !d.w.gone {
			d.r.extendBodyDeadline() // for the engine, which reads the rest away
		}
		d.w.end()
		d.r.end()
	}()
	d.r.begin(s, x)
	d.w.begin(s, x, &d.r)
	err := d.run(s, s.find(&d.r))
	d.w.endEvents()
	if !x.Recall() {
		if err != nil {
			d.failed(s, err)
		}
		if !d.w.finish() {
			d.incomplete()
		}
	}
	returned = true
}

// run brings the request to its route's handler.
func (d *desk) run(s *serving, rt *route) error {
	w, r := &d.w, &d.r
	r.route = rt
	if len(rt.baked.lines) > 0 {
		w.fields.bake(&rt.baked)
	}
	r.added = rt.added
	if rt.excepted {
		rt.applyExcepted(w, r)
	}
	if rt.bounded {
		r.body.left = rt.bodyMax
	}
	if f := &s.router.fallback; rt == &f.notAllowed {
		s.allow(w, r)
		if r.isMethod("OPTIONS") {
			rt = &f.options
		}
	}
	switch rt.place {
	case placeInline:
		r.x.Stay()
	case placeOwn:
		r.x.Leave()
	}
	return rt.handler(w, r)
}

// failed is for a handler that has returned an error.
func (d *desk) failed(s *serving, err error) {
	w, r := &d.w, &d.r
	switch {
	case errors.Is(err, ErrAbort):
		w.abort()
	case w.gone || w.err != nil:
		// The connection is somebody else's, or gone: there is nobody to tell.
	case w.sentHead:
		s.log.Error("handler failed in the middle of a response", "error", err, "method", string(r.Method()),
			"pattern", r.Pattern(), "remote", r.RemoteAddr().String())
		w.abort()
	default:
		s.router.answerError(w, r, err, s.log)
	}
}

// escaped is for a handler that has panicked, or ended its goroutine, for which there is no value and no answer.
func (d *desk) escaped(s *serving, x *engine.Exchange, value any) {
	w, r := &d.w, &d.r
	switch {
	case value == nil:
		x.Abort()
	case value == ErrAbort:
		w.abort()
	case w.Started() || w.done || w.err != nil:
		logPanic(s.log, r, value)
		w.abort()
	default:
		d.answerPanic(s, value)
	}
}

// answerPanic is OnPanic, or its default. If OnPanic panics as well there is no answer, and both are logged.
func (d *desk) answerPanic(s *serving, value any) {
	w, r := &d.w, &d.r
	returned := false
	defer func() {
		if returned {
			return
		}
		if second := recover(); second != nil && second != ErrAbort {
			logPanic(s.log, r, value)
			logPanic(s.log, r, second)
		}
		w.abort()
	}()
	if s.router.OnPanic != nil {
		s.router.OnPanic(w, r, value)
	} else {
		logPanic(s.log, r, value)
		w.Error(500, "")
	}
	if !w.finish() {
		d.incomplete()
	}
	returned = true
}

// abort cuts the connection, unless it has been gone.
func (w *Response) abort() {
	if !w.gone && w.x != nil {
		w.x.Abort()
	}
	w.gone = true
}

// incomplete is for a response that lacks bytes which its head has promised. Cutting the connection is the only way to say
// so; what the client has got, it keeps.
func (d *desk) incomplete() {
	if d.w.err == nil {
		d.w.srv.log.Error("the body is shorter than its Content-Length", "declared", d.w.length, "written", d.w.written,
			"pattern", d.r.Pattern())
	}
	d.w.x.SetClose(false)
}

// bake begins the fields with those that the route brings along.
func (f *fields) bake(b *fields) {
	f.lines = append(f.lines[:0], b.lines...)
	f.at = append(f.at[:0], b.at...)
	f.baked = b.baked
	f.hasType, f.hasDate, f.encoded = b.hasType, b.hasDate, b.encoded
}
