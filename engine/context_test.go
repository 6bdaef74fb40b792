package engine

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

func isDone(c context.Context) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// exchangeWith runs f in a handler, with a Context, on a request whose body, if any, has not been read.
func exchangeWith(t *testing.T, f func(sc *script, x *Exchange, c *Context), pieces ...string) {
	t.Helper()
	ran := false
	var sc *script
	sc = newScript(&Server{Handler: handlerFunc(func(x *Exchange) {
		ran = true
		c := new(Context)
		c.Init(context.Background(), x)
		x.SetContext(c)
		f(sc, x, c)
	})}, pieces...)
	sc.play()
	require.True(t, ran)
}

func TestContextEndsWithThePeer(t *testing.T) {
	head := strings.TrimSuffix(post("x"), "x")
	read := func(x *Exchange) { x.ReadBody(make([]byte, 10)) }
	hang := func(sc *script, reset bool) {
		sc.hungUp = true
		sc.session.HangUp(reset)
	}
	for _, tt := range []struct {
		name   string
		pieces []string
		f      func(sc *script, x *Exchange)
		done   bool
	}{
		{"nothing", []string{get}, func(*script, *Exchange) {}, false},
		{"end of stream", []string{get}, func(sc *script, x *Exchange) { hang(sc, false) }, true},
		{"reset", []string{get}, func(sc *script, x *Exchange) { hang(sc, true) }, true},
		{"end of stream, body unread", []string{post("x")}, func(sc *script, x *Exchange) { hang(sc, false) }, false},
		{"reset, body unread", []string{post("x")}, func(sc *script, x *Exchange) { hang(sc, true) }, true},
		{"end of stream, then the body", []string{post("x")}, func(sc *script, x *Exchange) { hang(sc, false); read(x) }, true},
		{"the body, then end of stream", []string{post("x")}, func(sc *script, x *Exchange) { read(x); hang(sc, false) }, true},
		{"the body fails", []string{head}, func(sc *script, x *Exchange) { sc.eof = true; read(x) }, true},
		{"the body is late", []string{head}, func(sc *script, x *Exchange) { read(x) }, true},
		{"pipelined input", []string{get + get}, func(*script, *Exchange) {}, false},
	} {
		t.Run(tt.name+", asked before", func(t *testing.T) {
			exchangeWith(t, func(sc *script, x *Exchange, c *Context) {
				done := c.Done()
				tt.f(sc, x)
				require.Equal(t, tt.done, isDone(c))
				require.Equal(t, tt.done, c.Err() != nil)
				require.Equal(t, done, c.Done())
			}, tt.pieces...)
		})
		t.Run(tt.name+", asked after", func(t *testing.T) {
			exchangeWith(t, func(sc *script, x *Exchange, c *Context) {
				tt.f(sc, x)
				require.Equal(t, tt.done, isDone(c))
				require.Equal(t, tt.done, c.Err() != nil)
			}, tt.pieces...)
		})
	}
}

func TestWatchBeginsWhenAskedAndTheBodyIsRead(t *testing.T) {
	p := make([]byte, 10)
	for name, ask := range map[string]func(*Context){
		"Done":      func(c *Context) { c.Done() },
		"Err":       func(c *Context) { _ = c.Err() },
		"AfterFunc": func(c *Context) { c.AfterFunc(func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			exchangeWith(t, func(sc *script, x *Exchange, c *Context) {
				x.ReadBody(p)
				require.Zero(t, sc.watched)
				ask(c)
				require.Equal(t, 1, sc.watched)
				ask(c)
				require.Equal(t, 1, sc.watched)
			}, post("x"))
			exchangeWith(t, func(sc *script, x *Exchange, c *Context) {
				ask(c)
				require.Zero(t, sc.watched)
				x.ReadBody(p)
				require.Equal(t, 1, sc.watched)
			}, post("x"))
			var late *Context
			var after *script
			exchangeWith(t, func(sc *script, x *Exchange, c *Context) { late, after = c, sc }, get)
			ask(late)
			require.Zero(t, after.watched, "the exchange is over")
			require.Equal(t, context.Canceled, late.Err())
		})
	}
}

// A HangUp for an exchange that is over must not reach the next one unless its peer is gone too.
func TestContextOfTheNextExchange(t *testing.T) {
	var seen []*Context
	s := &Server{Handler: handlerFunc(func(x *Exchange) {
		c := new(Context)
		c.Init(context.Background(), x)
		x.SetContext(c)
		require.False(t, isDone(c))
		seen = append(seen, c)
	})}
	sc := newScript(s, get, get)
	require.Equal(t, transport.Read, sc.play())
	require.Len(t, seen, 2)
	for _, c := range seen {
		require.True(t, isDone(c))
		require.Equal(t, context.Canceled, c.Err())
	}
}

// wait waits for what runs on goroutines of its own.
func wait(t *testing.T, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); runtime.Gosched() {
		if time.Since(start) > 20*time.Second {
			t.Fatal("it never happened")
		}
	}
}

// subject is a context with what its maker can do to it.
type subject struct {
	context.Context
	cancel    func()
	parent    func() // ends the parent
	afterFunc func(f func()) func() bool
	kid       context.Context
	endKid    func()
	stop      func() bool
	funcs     int64 // that were not stopped
	ran       atomic.Int64
}

func ours(parent context.Context, endParent func()) *subject {
	c := new(Context)
	c.Init(parent, nil)
	return &subject{Context: c, cancel: c.Cancel, parent: endParent, afterFunc: c.AfterFunc}
}

func theirs(parent context.Context, endParent func()) *subject {
	c, cancel := context.WithCancel(parent)
	return &subject{Context: c, cancel: cancel, parent: endParent,
		afterFunc: func(f func()) func() bool { return context.AfterFunc(c, f) }}
}

// what is done to a subject, with what it answers.
var contextSteps = map[string]func(s *subject) any{
	"cancel": func(s *subject) any { s.cancel(); return s.Err() },
	"parent": func(s *subject) any { s.parent(); return s.Err() },
	//lint:ignore SA4000 it is the same channel each time
	"done": func(s *subject) any { return s.Done() == s.Done() },
	"func": func(s *subject) any {
		s.stop = s.afterFunc(func() { s.ran.Add(1) })
		s.funcs++
		return nil
	},
	"stop": func(s *subject) any {
		if s.stop == nil {
			return nil
		}
		stopped := s.stop()
		if stopped {
			s.funcs--
		}
		return stopped
	},
	"kid": func(s *subject) any {
		if s.kid == nil {
			s.kid, s.endKid = context.WithCancel(s)
		}
		return s.kid.Err()
	},
	"end of kid": func(s *subject) any {
		if s.kid == nil {
			return nil
		}
		s.endKid()
		return s.Err()
	},
}

// key is that of a value in a context.
type key struct{}

// TestContextOracle does all steps in every order of four to a Context and to one of context.WithCancel, under every kind
// of parent, and compares what can be seen of them. What package context does on other goroutines is waited for.
func TestContextOracle(t *testing.T) {
	parents := map[string]func() (context.Context, func()){
		"background": func() (context.Context, func()) {
			return context.WithValue(context.Background(), key{}, 1), func() {}
		},
		"cancel": func() (context.Context, func()) { return context.WithCancel(context.Background()) },
		"cause": func() (context.Context, func()) {
			c, cancel := context.WithCancelCause(context.Background())
			return c, func() { cancel(errScript) }
		},
		"ended": func() (context.Context, func()) {
			return context.WithDeadline(context.Background(), time.Unix(1, 0))
		},
		"ours": func() (context.Context, func()) {
			c := new(Context)
			c.Init(context.Background(), nil)
			return c, c.Cancel
		},
	}
	for name, parent := range parents {
		t.Run(name, func(t *testing.T) {
			for i := range len(contextSteps) * len(contextSteps) * len(contextSteps) * len(contextSteps) {
				names := slices.Sorted(maps.Keys(contextSteps))
				a, b := ours(parent()), theirs(parent())
				var did []string
				for range 4 {
					step := names[i%len(names)]
					i /= len(names)
					did = append(did, step)
					got, want := contextSteps[step](a), contextSteps[step](b)
					if name != "ours" { // of a parent that is not its own, package context hears later
						require.Equal(t, want, got, did)
					}
					wait(t, func() bool { return a.Err() == b.Err() && isDone(a) == isDone(b) })
				}
				wait(t, func() bool { return (a.kid == nil) == (b.kid == nil) && (a.kid == nil || a.kid.Err() == b.kid.Err()) })
				require.Equal(t, b.Value(key{}), a.Value(key{}))
				da, oka := a.Deadline()
				db, okb := b.Deadline()
				require.Equal(t, db, da)
				require.Equal(t, okb, oka)
				require.Equal(t, context.Cause(b), context.Cause(a), did)
				if a.Err() != nil {
					wait(t, func() bool { return a.ran.Load() == a.funcs && b.ran.Load() == b.funcs })
				} else {
					require.Zero(t, a.ran.Load())
				}
				a.cancel()
				b.cancel()
				a.parent()
				b.parent()
				if a.kid != nil {
					a.endKid()
					b.endKid()
				}
			}
		})
	}
}

// A derived context costs no goroutine: package context finds AfterFunc.
func TestDerivedContextsStartNoGoroutine(t *testing.T) {
	c := new(Context)
	c.Init(t.Context(), nil)
	before := runtime.NumGoroutine()
	for range 100 {
		_, cancel := context.WithCancel(c)
		defer cancel()
		_, cancel = context.WithTimeout(context.WithValue(c, key{}, 2), time.Hour)
		defer cancel()
	}
	require.Less(t, runtime.NumGoroutine(), before+50)
}

func TestContextIsFree(t *testing.T) {
	l := newLooping(&Server{})
	c := new(Context)
	l.session.(*session).sv.s.Handler = handlerFunc(func(x *Exchange) {
		*c = Context{} //nolint:govet // the last one is over
		c.Init(context.Background(), x)
		x.SetContext(c)
		fixed(x)
	})
	require.Zero(t, testing.AllocsPerRun(100, func() { l.turn(get) }))
}

// Everything at once; for the race detector.
func TestContextRaces(t *testing.T) {
	for range 200 {
		var wg sync.WaitGroup
		exchangeWith(t, func(sc *script, x *Exchange, c *Context) {
			for _, f := range []func(){
				func() { c.Done() }, func() { c.Err() }, func() { c.AfterFunc(func() {})() }, c.Cancel,
				func() { sc.session.HangUp(false) }, func() { sc.session.HangUp(true) },
				func() { k, cancel := context.WithTimeout(c, time.Minute); defer cancel(); k.Err() },
			} {
				wg.Go(f)
			}
		}, get)
		wg.Wait()
	}
}
