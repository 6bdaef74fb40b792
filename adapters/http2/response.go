package http2

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// bridge is the http.Handler of the streams.
type bridge struct {
	queue        *queue
	writeTimeout time.Duration // 0: none
}

// ServeHTTP implements http.Handler.
func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header[":protocol"] != nil {
		http.Error(w, "extended CONNECT is not supported here: connect by HTTP/1.1", http.StatusNotImplemented)
		return
	}
	head, err := appendHead(nil, r)
	if err != nil {
		http.Error(w, "400 Bad Request: "+err.Error(), http.StatusBadRequest)
		return
	}
	s := newStream(r, r.Context().Value(connKey{}).(net.Conn), head)
	if !b.queue.add(s.conn(r.TLS)) {
		panic(http.ErrAbortHandler) // the server has ended
	}
	defer context.AfterFunc(r.Context(), s.cancel)()
	defer s.peer.Close()
	a := answers.Get().(*answer)
	defer a.end()
	a.begin(b, w, s)
	a.copy(r)
	io.Copy(io.Discard, a.in) // the handler has ended when it has closed its side
}

// answer brings one response from the engine to the stream.
type answer struct {
	w      http.ResponseWriter
	stream *http.ResponseController
	in     *bufio.Reader
	buf    []byte
	late   time.Duration // what the client may take nothing for; 0: no bound
}

var answers = sync.Pool{New: func() any {
	return &answer{in: bufio.NewReaderSize(nil, bodyBuffer), buf: make([]byte, bodyBuffer)}
}}

func (a *answer) begin(b *bridge, w http.ResponseWriter, s *stream) {
	a.w, a.stream, a.late = w, http.NewResponseController(w), b.writeTimeout
	a.in.Reset(s.peer)
}

func (a *answer) end() {
	a.w, a.stream = nil, nil
	a.in.Reset(nil)
	answers.Put(a)
}

// copy copies heads until one is the response's, and its body. A response that is incomplete, or none at all, becomes a
// stream that is reset.
func (a *answer) copy(r *http.Request) {
	for {
		res, err := http.ReadResponse(a.in, r)
		if err != nil || res.StatusCode == http.StatusSwitchingProtocols {
			panic(http.ErrAbortHandler)
		}
		if res.StatusCode < 200 {
			a.inform(res)
			continue
		}
		a.respond(res)
		return
	}
}

// inform sends an informational response. 100 is net/http's affair.
func (a *answer) inform(res *http.Response) {
	if res.StatusCode == http.StatusContinue {
		return
	}
	h := a.w.Header()
	copyFields(h, res.Header)
	a.w.WriteHeader(res.StatusCode)
	clear(h)
}

func (a *answer) respond(res *http.Response) {
	h := a.w.Header()
	copyFields(h, res.Header)
	for _, name := range []string{"Content-Length", "Trailer"} { // to HEAD, Trailer is a field like others
		if values, ok := res.Header[name]; ok {
			h[name] = values
		}
	}
	for _, name := range []string{"Content-Type", "Date"} { // what the handler has left out is not made up
		if _, ok := h[name]; !ok {
			h[name] = nil
		}
	}
	for name := range res.Trailer {
		h.Add("Trailer", name)
	}
	a.w.WriteHeader(res.StatusCode)
	a.body(res)
	for name, values := range res.Trailer {
		h[http.TrailerPrefix+name] = values
	}
}

// body copies the body. The head, and what has been copied, is flushed whenever the handler has no more at hand.
func (a *answer) body(res *http.Response) {
	left := res.ContentLength
	if res.Body != http.NoBody && a.in.Buffered() == 0 {
		a.stream.Flush() // heads do not wait for room in a window
	}
	for {
		n, err := res.Body.Read(a.buf)
		if n > 0 {
			whole := left == int64(n) // net/http sends it when the handler has ended
			left -= int64(n)
			a.bound(a.late)
			if !a.send(a.buf[:n], left != 0 && err == nil && a.in.Buffered() == 0) {
				panic(http.ErrAbortHandler) // the client is gone, or does not read
			}
			if !whole {
				a.bound(0)
			}
		}
		switch err {
		case nil:
		case io.EOF:
			a.bound(a.late)
			return
		default:
			panic(http.ErrAbortHandler)
		}
	}
}

func (a *answer) send(p []byte, flush bool) bool {
	_, err := a.w.Write(p)
	if err == nil && flush {
		err = a.stream.Flush()
	}
	return err == nil
}

// bound gives the client so long to take what comes, or, if it is 0, any time: net/http resets a stream whose deadline has
// passed, also while there is nothing to take. A stream that stands still for another reason than its window ends with
// its connection.
func (a *answer) bound(late time.Duration) {
	switch {
	case a.late == 0:
	case late == 0:
		a.stream.SetWriteDeadline(time.Time{})
	default:
		a.stream.SetWriteDeadline(time.Now().Add(late + patience))
	}
}

// copyFields copies what is not about the connection in memory. Trailer is made anew from what is announced.
func copyFields(to, from http.Header) {
	named := from["Connection"]
	for name, values := range from {
		if !own(name) && !contains(named, name) {
			to[name] = values
		}
	}
}

// contains reports whether a list of Connection fields names a field (RFC 9110, section 7.6.1).
func contains(lists []string, name string) bool {
	for _, list := range lists {
		for option := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}
