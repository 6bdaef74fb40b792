package native

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine"
)

// EventsOptions are about a stream of events. The zero value of a field means its default.
type EventsOptions struct {
	// Heartbeat is after how long without an event a comment is sent, by which proxies see that the stream lives, and we
	// that the client does. Default EventsHeartbeatDefault; negative: never.
	Heartbeat time.Duration
}

// Event is one event of a stream (HTML, section 9.2.6).
type Event struct {
	// ID is what a client that comes back sends as Last-Event-ID: r.Header("Last-Event-ID").
	ID string
	// Name is the event's type. "" means "message" to clients.
	Name string
	// Data may have several lines, which CR, LF or both end; the client gets them with LF. It is UTF-8. An event that has
	// neither Data (nil) nor Name is none to clients, and only sets ID and Retry.
	Data []byte
	// Retry is how long clients wait before they come back, in whole milliseconds. 0: nothing is said.
	Retry time.Duration
}

// Events is a response that is a stream of events, until the handler returns or calls Close. Meanwhile the response itself
// must not be used. All methods may be called by any goroutine, also later: they fail then, and touch nothing.
type Events struct {
	ctx       *engine.Context
	heartbeat time.Duration

	mu    sync.Mutex // guards the following; held while something is sent
	w     *Response  // nil once closed
	timer *time.Timer
	text  []byte
	err   error // final
}

// What Send is told about an event.
var (
	errEventLine  = errors.New("native: an event's ID or Name has a line end or NUL")
	errEventRetry = errors.New("native: an event's Retry is negative")
	errEventsHead = errors.New("native: there are no events for a HEAD request")
)

// Events begins a stream of events (server-sent events): it sends the head, with Cache-Control: no-store and, for nginx,
// which would collect the stream otherwise, X-Accel-Buffering: no; the handler may have set others. The handler then sends
// events until Done, off the loop:
//
//	events, err := w.Events(native.EventsOptions{})
//	if err != nil {
//		return err
//	}
//	defer events.Close()
//	for {
//		select {
//		case <-events.Done():
//			return nil
//		case price := <-prices:
//			events.Send(native.Event{Data: price})
//		}
//	}
//
// It fails with ErrStarted if the response has begun or has a body, and otherwise as Flush does. To a HEAD request the head is
// all, and Done is closed. A body of the request should have been read: until then a client that leaves is noticed by
// heartbeats only.
func (w *Response) Events(o EventsOptions) (*Events, error) {
	w.compose()
	switch {
	case w.Started() || w.done || w.written > 0 || w.events != nil:
		return nil, ErrStarted
	case w.x == nil:
		return nil, ErrNoConn
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = EventsHeartbeatDefault
	}
	w.length = -1
	w.setType("text/event-stream")
	for _, f := range eventsFields {
		if w.Get(f.name) == nil {
			w.add(f.name, f.value)
		}
	}
	w.r.Context()
	e := &Events{ctx: w.r.ctx, heartbeat: o.Heartbeat, w: w}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	w.events = e
	if w.isHead {
		e.fail(errEventsHead)
		return e, nil
	}
	if e.heartbeat > 0 {
		e.mu.Lock()
		e.timer = time.AfterFunc(e.heartbeat, e.beat)
		e.mu.Unlock()
	}
	return e, nil
}

var eventsFields = []field{{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}

// Done is closed when the stream is over: the client has left, as the request's context says, which ends too when
// sending has failed; the server is shutting down, which is noticed by the next heartbeat; the handler has returned.
func (e *Events) Done() <-chan struct{} { return e.ctx.Done() }

// Send sends an event at once. It waits for a client that does not read, for no longer than Server.WriteTimeout. An ID or a
// Name with CR, LF or NUL, or a negative Retry, is an error of which nothing is sent; any other error is final.
func (e *Events) Send(ev Event) error {
	switch {
	case strings.ContainsAny(ev.ID, "\r\n\x00") || strings.ContainsAny(ev.Name, "\r\n\x00"):
		return errEventLine
	case ev.Retry < 0:
		return errEventRetry
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	text := e.text[:0]
	if ev.ID != "" {
		text = append(append(append(text, "id: "...), ev.ID...), '\n')
	}
	if ev.Name != "" {
		text = append(append(append(text, "event: "...), ev.Name...), '\n')
	}
	if ev.Retry > 0 {
		text = append(text, "retry: "...)
		text = append(strconv.AppendInt(text, max(1, ev.Retry.Milliseconds()), 10), '\n')
	}
	if ev.Data != nil || ev.Name != "" {
		text = appendLines(text, "data: ", ev.Data)
	}
	return e.send(append(text, '\n'))
}

// Comment sends a comment, which clients ignore. It waits and fails as Send does.
func (e *Events) Comment(text string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.send(append(appendLines(e.text[:0], ": ", []byte(text)), '\n'))
}

// appendLines appends each line of p behind a prefix.
func appendLines(out []byte, prefix string, p []byte) []byte {
	for {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			return append(append(append(out, prefix...), p...), '\n')
		}
		out = append(append(append(out, prefix...), p[:i]...), '\n')
		if p[i] == '\r' && i+1 < len(p) && p[i+1] == '\n' {
			i++
		}
		p = p[i+1:]
	}
}

// send sends whole lines, and puts the next heartbeat off.
func (e *Events) send(text []byte) error {
	if e.text = text[:0]; cap(text) > scratchKeep {
		e.text = nil
	}
	switch {
	case e.err != nil:
		return e.err
	case e.w == nil:
		return ErrStarted
	}
	_, err := e.w.Write(text)
	if err == nil {
		err = e.w.Flush()
	}
	if err != nil {
		e.fail(err)
		return err
	}
	if e.timer != nil {
		e.timer.Reset(e.heartbeat)
	}
	return nil
}

// fail makes an error final and tells the handler.
func (e *Events) fail(err error) {
	e.err = err
	e.ctx.Cancel()
}

// beat is the timer's.
func (e *Events) beat() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.w == nil || e.err != nil {
		return
	}
	if e.w.x.Server().Draining() {
		e.fail(ErrServerClosed)
		return
	}
	e.send(append(e.text[:0], ":\n\n"...))
}

// Close ends the stream and gives the response back. It waits for what is being sent. Further calls do nothing. When handler
// and middleware have returned, or ended otherwise, it is called for them; a handler that does not call it leaves heartbeats to
// middleware around it, which must not use the response then.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.w = nil
	if e.timer != nil {
		e.timer.Stop()
	}
}

// endEvents is for a handler that has returned, or ended otherwise: from here on no heartbeat touches the response.
func (w *Response) endEvents() {
	if w.events != nil {
		w.events.Close()
		w.events = nil
	}
}
