package fuzz

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
)

// handler does what the plan says of each request, and notes what it is not asked as it should be.
type handler struct {
	asked map[string]*request
	file  string // what files sends a part of

	mu     sync.Mutex
	served map[string]bool
	faults []string
}

func (h *handler) fault(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, fmt.Sprintf(format, args...))
}

// once finds the request and notes that it is being answered.
func (h *handler) once(id string) *request {
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.asked[id]
	if q == nil || h.served[id] {
		h.faults = append(h.faults, fmt.Sprintf("request %q: unknown, or answered before", id))
		return nil
	}
	h.served[id] = true
	return q
}

// planned is what a handler panics with on purpose.
const planned = "planned"

// ServeExchange implements engine.Handler.
func (h *handler) ServeExchange(x *engine.Exchange) {
	q := h.once(string(x.Head().Path.In(x.HeadBytes())[1:]))
	if q == nil {
		x.Abort()
		return
	}
	if got := x.HeadBytes(); !bytes.HasPrefix(q.wire, bytes.TrimPrefix(got, []byte("\r\n"))) {
		h.fault("request %s: its head is %q", q.id, got)
	}
	out := func(b []byte) { x.SetOut(append(x.Out(), b...)) }
	answer := q.answer()
	switch q.kind {
	case echoes:
		if !h.read(x, q, len(q.body)+1) {
			return
		}
	case slow:
		time.Sleep(q.pause)
	case trickles:
		h.trickle(x, q)
		return
	case flushes:
		cut := q.take % len(answer)
		out(answer[:cut])
		if x.Flush() != nil {
			return
		}
		if q.size%2 == 0 {
			time.Sleep(q.pause)
		}
		answer = answer[cut:]
	case part:
		if !h.read(x, q, q.take) {
			return
		}
	case streams:
		for len(answer) > 0 {
			k := min(len(answer), 3000)
			out(answer[:k])
			answer = answer[k:]
			if x.OutFull() && x.Flush() != nil {
				return
			}
		}
	case watches:
		ctx := new(engine.Context)
		ctx.Init(context.Background(), x)
		x.SetContext(ctx)
		if q.size%2 == 0 && !h.read(x, q, len(q.body)+1) {
			return
		}
		alarm := time.NewTimer(q.pause)
		defer alarm.Stop()
		select {
		case <-ctx.Done():
		case <-alarm.C:
		}
	case continues:
		if x.SendContinue() != nil || !h.read(x, q, len(q.body)+1) {
			return
		}
		answer = bytes.TrimPrefix(answer, []byte("HTTP/1.1 100 Continue\r\n\r\n"))
	case files:
		out(answer[:len(answer)-q.size])
		f, err := os.Open(h.file)
		if err != nil {
			h.fault("request %s: %v", q.id, err)
			return
		}
		defer f.Close()
		x.SendFile(f, int64(q.size)) // if it fails, the connection ends
		return
	case closing:
		x.SetClose(false)
	case lingering:
		x.SetClose(true)
	case panics:
		panic(planned)
	case exits:
		runtime.Goexit()
	}
	out(answer)
}

// read reads n bytes of the body, or all if there are fewer, and compares them. It reports false if the body ended too
// early, which only a body that was not sent to its end may: then there is no answer.
func (h *handler) read(x *engine.Exchange, q *request, n int) bool {
	got := make([]byte, n)
	at := 0
	for at < n {
		k, err := x.ReadBody(got[at:])
		at += k
		if err == io.EOF {
			h.trailers(x, q, at)
			break
		}
		if err != nil {
			x.SetClose(false)
			return false
		}
	}
	if want := q.body[:min(n, len(q.body))]; !bytes.Equal(got[:at], want) {
		h.fault("request %s: its body is %q, not %q", q.id, got[:at], want)
	}
	return true
}

// trailers looks at the end of a body of which n bytes have been read: there must be no less, and its own trailer.
func (h *handler) trailers(x *engine.Exchange, q *request, n int) {
	if n != len(q.body) {
		h.fault("request %s: its body ended after %d of %d bytes", q.id, n, len(q.body))
	}
	fields, b := x.Trailers()
	for _, f := range fields {
		if string(f.Value.In(b)) != q.id {
			h.fault("request %s: its trailer is %q", q.id, f.Value.In(b))
		}
	}
}

// trickle echoes the body as it comes. Each chunk of the answer has the same size, however the body arrives.
func (h *handler) trickle(x *engine.Exchange, q *request) {
	x.SetOut(append(x.Out(), q.head("Transfer-Encoding: chunked\r\n")...))
	var piece [trickle]byte
	for {
		n, err := 0, error(nil)
		for n < trickle && err == nil {
			var k int
			k, err = x.ReadBody(piece[n:])
			n += k
		}
		if err != nil && err != io.EOF {
			x.SetClose(false)
			return
		}
		if n > 0 {
			x.SetOut(httpparse.AppendChunk(x.Out(), piece[:n]))
			if x.Flush() != nil {
				return
			}
		}
		if err == io.EOF {
			h.trailers(x, q, len(q.body))
			x.SetOut(append(x.Out(), httpparse.LastChunk...))
			return
		}
	}
}
