package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

const browserGet = "GET /users/42?tab=posts HTTP/1.1\r\nHost: www.example.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nCookie: a=b; c=d\r\n\r\n"

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"

// looping is a script that is played again and again, as a loop does it: one turn, one buffer, the output dropped.
type looping struct {
	*script
	buf *transport.Buffer
}

func newLooping(s *Server) *looping {
	l := &looping{newScript(s), transport.NewBuffer(transport.BufferLarge)}
	l.t.Now = l.now
	return l
}

func (l *looping) turn(in string) transport.Next {
	l.buf.Reset()
	l.t.Adopt(l.buf)
	l.t.Filled(copy(l.t.Space(transport.BufferLarge), in))
	l.t.Out = l.t.Out[:0]
	l.t.Now = l.t.Now.Add(time.Millisecond)
	next := l.session.Run(&l.t)
	l.t.Release()
	return next
}

var fixed = handlerFunc(func(x *Exchange) { x.SetOut(append(x.Out(), hello...)) })

func TestNoAllocations(t *testing.T) {
	for name, in := range map[string]string{
		"one":      browserGet,
		"pipeline": strings.Repeat(browserGet, 16),
		"body":     post("hello"),
	} {
		p := make([]byte, 16)
		s := &Server{Handler: handlerFunc(func(x *Exchange) {
			_ = x.Date()
			for !x.BodyDone() {
				x.ReadBody(p)
			}
			fixed(x)
		})}
		l := newLooping(s)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			if l.turn(in) != transport.Read {
				t.Fatal("the connection did not stay")
			}
		}), name)
	}
}

func BenchmarkRequest(b *testing.B) {
	l := newLooping(&Server{Handler: fixed})
	b.ReportAllocs()
	for b.Loop() {
		l.turn(browserGet)
	}
}

func BenchmarkSmallRequest(b *testing.B) {
	l := newLooping(&Server{Handler: fixed})
	b.ReportAllocs()
	for b.Loop() {
		l.turn(get)
	}
}

func BenchmarkPipeline16(b *testing.B) {
	l := newLooping(&Server{Handler: fixed})
	in := strings.Repeat(get, 16)
	b.ReportAllocs()
	for b.Loop() {
		l.turn(in)
	}
}

func BenchmarkContextUnasked(b *testing.B) {
	l := newLooping(&Server{Handler: handlerFunc(func(x *Exchange) {
		c := new(Context)
		c.Init(b.Context(), x)
		x.SetContext(c)
		fixed(x)
	})})
	b.ReportAllocs()
	for b.Loop() {
		l.turn(get)
	}
}
