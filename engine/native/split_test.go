package native

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
)

// inPieces plays input in two pieces, the second as soon as the session or a handler waits, and returns what is answered.
type inPieces struct {
	*played
	rest []byte // of the first piece, then of the second
	last []byte // the second piece
	sent bytes.Buffer
}

func (p *inPieces) take(t *transport.Turn) bool {
	if p.more(); len(p.rest) == 0 {
		return false
	}
	n := copy(t.Space(1<<20), p.rest)
	t.Filled(n)
	p.rest = p.rest[n:]
	return true
}

func (p *inPieces) more() {
	if len(p.rest) == 0 {
		p.rest, p.last = p.last, nil
	}
}

func (p *inPieces) Fill(t *transport.Turn) error {
	if !p.take(t) {
		return io.EOF
	}
	return nil
}

func (p *inPieces) Read(t *transport.Turn, b []byte) (int, error) {
	p.more()
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (p *inPieces) Flush(t *transport.Turn, more ...[]byte) error {
	p.sent.Write(t.Out)
	t.Out = t.Out[:0]
	for _, b := range more {
		p.sent.Write(b)
	}
	return nil
}

// playSplit plays in, cut at the given place.
func playSplit(t *testing.T, eng *engine.Server, in []byte, cut int) (string, transport.Next) {
	p := &inPieces{played: &played{done: make(chan struct{})}}
	close(p.done)
	require.NoError(t, eng.ServeOn(loopback(t), func(o transport.Options) (transport.Runner, error) {
		p.newSession = o.NewSession
		return p, nil
	}))
	session := p.newSession(p)
	p.rest, p.last = in[:cut], in[cut:]
	turn := transport.Turn{Now: transport.Time(1e18)}
	for {
		turn.EOF = !p.take(&turn)
		next := session.Run(&turn)
		p.sent.Write(turn.Out)
		turn.Out = turn.Out[:0]
		if b := turn.Release(); b != nil {
			turn.Adopt(b)
		}
		if next != transport.Read && next != transport.Write || turn.EOF {
			return p.sent.String(), next
		}
	}
}

// TestSplit: requests of all kinds in one write, cut at every byte, are answered with the same bytes.
func TestSplit(t *testing.T) {
	rt := NewRouter()
	rt.Handle("GET /users/{id}", func(w *Response, r *Request) error {
		return w.Text(200, string(r.Param("id"))+string(r.Query("q"))+string(r.Header("X-A")))
	})
	rt.Handle("POST /echo", func(w *Response, r *Request) error { return echo(w, r) })
	rt.Handle("POST /stream", func(w *Response, r *Request) error {
		b, err := io.ReadAll(r.BodyReader())
		if err != nil {
			return err
		}
		w.SetTrailer("X-T", "1")
		for _, v := range r.Trailers() {
			b = append(b, v...)
		}
		w.Write(b)
		w.Flush()
		return nil
	})
	rt.Handle("POST /ignore", func(w *Response, _ *Request) error { return w.Empty(204) })
	rt.Handle("GET /panic", func(w *Response, _ *Request) error { panic("planned") })
	rt.Handle("GET /error", func(w *Response, _ *Request) error { return errors.New("planned") })
	rt.Const("GET /const", says("const"))
	rt.Use(func(next Handler) Handler { // a date that does not change
		return func(w *Response, r *Request) error { w.Set("Date", "D"); return next(w, r) }
	})
	requests := []string{
		request("GET", "/users/4%32?q=%61", "X-A: b"), request("HEAD", "/users/1"), postTo("/echo", "body"),
		chunkedTo("/echo", "chunked body", 5), strings.TrimSuffix(chunkedTo("/stream", "abc", 2), "\r\n") + "X-T: trailer\r\n\r\n",
		postTo("/ignore", "ignored"), chunkedTo("/ignore", "ignored", 3), request("GET", "/none"), request("PUT", "/echo"),
		request("OPTIONS", "*"), request("GET", "//users/1"), request("GET", "/users/1", "Expect: x"), request("GET", "/panic"),
		request("GET", "/error"), request("GET", "/const"), postTo("/echo", "continued", "Expect: 100-continue"), request("HEAD", "/users/2", "Connection: close"),
	}
	in := []byte(strings.Join(requests, ""))
	s := &Server{Router: rt, Logger: quiet()}
	eng, err := s.begin(nil)
	require.NoError(t, err)
	whole, next := playSplit(t, eng, in, len(in))
	require.Equal(t, transport.Close, next)
	require.Equal(t, len(requests), strings.Count(whole, "HTTP/1.1 "), whole)
	for cut := 1; cut < len(in); cut++ {
		got, _ := playSplit(t, eng, in, cut)
		if strings.Contains(got, "100 Continue") { // which depends on what is at hand
			got = strings.Replace(got, "HTTP/1.1 100 Continue\r\n\r\n", "", 1)
		}
		require.Equal(t, whole, got, fmt.Sprintf("cut at %d: %q", cut, in[max(0, cut-20):cut]))
	}
}
