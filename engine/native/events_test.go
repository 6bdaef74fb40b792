package native

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// often has heartbeats get in the way.
var often = EventsOptions{Heartbeat: 50 * time.Microsecond}

var never = EventsOptions{Heartbeat: -1}

// stream opens a stream of events.
func (a *app) stream(path string) *http.Response {
	a.t.Helper()
	resp, err := http.Get("http://" + a.addr + path)
	require.NoError(a.t, err)
	a.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// seen is what a client understands of an event.
type seen struct{ id, name, data string }

// understand reads a stream as a browser does it (HTML, section 9.2.6), and gives each event dispatched.
func understand(r io.Reader, dispatch func(seen)) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	var ev seen
	var id string
	for s.Scan() {
		line := s.Text()
		if line == "" {
			if ev.data != "" {
				ev.id, ev.data = id, strings.TrimSuffix(ev.data, "\n")
				dispatch(ev)
			}
			ev = seen{}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			ev.name = value
		case "data":
			ev.data += value + "\n"
		case "id":
			id = value
		case "", "retry":
		default:
			return fmt.Errorf("line %q", line)
		}
	}
	return s.Err()
}

func TestEventsWire(t *testing.T) {
	events := []Event{
		{Data: []byte("one")},
		{Data: []byte("a\nb\r\nc\rd\n\re\r\n")},
		{Data: []byte("")},
		{ID: "7", Name: "tick", Data: []byte(" spaced: :"), Retry: 1500 * time.Millisecond},
		{Name: "bare"},
		{ID: "8", Retry: time.Microsecond},
		{ID: "1\n2"}, {ID: "1\r"}, {ID: "\x00"}, {Name: "a\nb"}, {Name: "\r"}, {Name: "\x00"}, {Retry: -1},
		{},
	}
	rt := NewRouter()
	rt.Handle("GET /", func(w *Response, r *Request) error {
		if last := r.Header("Last-Event-ID"); last != nil {
			w.Set("Cache-Control", "no-cache")
		}
		w.Set("Content-Length", "5")
		e, err := w.Events(never)
		require.NoError(t, err)
		_, err = w.Events(never)
		require.ErrorIs(t, err, ErrStarted)
		if string(r.Method()) == "HEAD" {
			<-e.Done()
			require.ErrorIs(t, e.Send(events[0]), errEventsHead)
			return nil
		}
		for _, ev := range events {
			if err := e.Send(ev); err != nil {
				require.ErrorContains(t, err, "native: an event's ")
			}
		}
		require.NoError(t, e.Comment("two\nlines"))
		require.NoError(t, e.Comment(""))
		return nil
	})
	rt.Handle("GET /begun", func(w *Response, _ *Request) error {
		w.WriteString("x")
		_, err := w.Events(never)
		return err
	})
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt)
		resp := a.stream("/")
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
		require.Equal(t, int64(-1), resp.ContentLength)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "data: one\n\n"+
			"data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: e\ndata: \n\n"+
			"data: \n\n"+
			"id: 7\nevent: tick\nretry: 1500\ndata:  spaced: :\n\n"+
			"event: bare\ndata: \n\n"+
			"id: 8\nretry: 1\n\n"+
			"\n"+
			": two\n: lines\n\n: \n\n", string(body))
		r := a.get("/", "Last-Event-ID: 7")
		require.Equal(t, "no-cache", r.get("Cache-Control"))
		require.Equal(t, 500, a.stream("/begun").StatusCode)

		c := a.dial()
		c.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
		require.Equal(t, "text/event-stream", c.next("HEAD").get("Content-Type"))
		c.alive()
	})
	_, err := (&Response{length: -1}).Events(never)
	require.ErrorIs(t, err, ErrNoConn)
}

// TestEventsOracle: what is sent arrives, whatever it is, between heartbeats, from several goroutines.
func TestEventsOracle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var events []Event
	want := map[seen]int{}
	ends := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	for i := range 300 {
		var data strings.Builder
		for range rnd.IntN(20) {
			data.WriteString([]string{"\r", "\n", "\r\n", "data: ", ":", " ", "é", "x", strings.Repeat("y", 5000)}[rnd.IntN(9)])
		}
		ev := Event{ID: fmt.Sprint(i), Name: []string{"", "n", " m: "}[rnd.IntN(3)], Data: []byte(data.String())}
		events = append(events, ev)
		want[seen{ev.ID, ev.Name, ends.Replace(data.String())}]++
	}
	rt := route1(func(w *Response, _ *Request) error {
		e, err := w.Events(often)
		if err != nil {
			return err
		}
		var all sync.WaitGroup
		for k := range 3 {
			all.Go(func() {
				for i := k; i < len(events); i += 3 {
					if e.Send(events[i]) != nil {
						return
					}
				}
			})
		}
		all.Wait()
		return nil
	})
	onTransports(t, func(t *testing.T, transport string) {
		got := map[seen]int{}
		require.NoError(t, understand(serve(t, transport, rt).stream("/").Body, func(ev seen) { got[ev]++ }))
		require.Equal(t, len(want), len(got))
		for ev := range want {
			require.Equal(t, 1, got[ev], "%.100q", ev)
		}
	})
}

// TestEventsLeft: a client that leaves ends the stream and the request's context.
func TestEventsLeft(t *testing.T) {
	for name, o := range map[string]EventsOptions{"alone": never, "by heartbeat": often} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			kept := make(chan *Events, 1)
			rt := NewRouter()
			rt.Handle("/", func(w *Response, r *Request) error {
				e, err := w.Events(o)
				if err != nil {
					return err
				}
				kept <- e
				<-e.Done()
				ended <- r.Context().Err()
				return nil
			})
			onTransports(t, func(t *testing.T, transport string) {
				a := serve(t, transport, rt)
				resp := a.stream("/")
				e := await(t, kept, "the stream")
				require.NoError(t, e.Comment("still here"))
				resp.Body.Close()
				require.ErrorIs(t, await(t, ended, "the end"), context.Canceled)
				eventually(t, "the handler to be over", func() bool { return e.Send(Event{Data: []byte("late")}) != nil })
				e.Close()
				require.Error(t, e.Comment("late"))
				<-e.Done()

				if o == never {
					return
				}
				// A body that nobody reads hides the end of the client's side; a heartbeat does not come through.
				c := a.dial()
				c.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nxxx")
				await(t, kept, "the stream")
				c.SetLinger(0)
				c.Close()
				await(t, ended, "the end")
			})
		})
	}
}

// TestEventsUnread: a client that does not read is given up after the write timeout, and an idle stream is not.
func TestEventsUnread(t *testing.T) {
	result := make(chan error, 1)
	rt := NewRouter()
	rt.Handle("GET /unread", func(w *Response, _ *Request) error {
		e, err := w.Events(often)
		for err == nil {
			err = e.Send(Event{Data: make([]byte, 100<<10)})
		}
		<-e.Done()
		result <- err
		return err
	})
	rt.Handle("GET /idle", func(w *Response, _ *Request) error {
		e, err := w.Events(never)
		if err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond) // some write timeouts
		return e.Send(Event{Data: []byte("after all")})
	})
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt, func(s *Server) { s.WriteTimeout = 50 * time.Millisecond })
		a.stream("/unread")
		require.Error(t, await(t, result, "the write timeout"))
		body, err := io.ReadAll(a.stream("/idle").Body)
		require.NoError(t, err)
		require.Equal(t, "data: after all\n\n", string(body))
	})
}

// TestEventsEnded: however a handler ends, no heartbeat touches the response afterwards, nor that of the next request.
func TestEventsEnded(t *testing.T) {
	stream := func(closes bool) Handler {
		return func(w *Response, r *Request) error {
			e, err := w.Events(often)
			if err != nil {
				return err
			}
			if closes {
				defer e.Close()
			}
			time.Sleep(time.Millisecond)
			e.Send(Event{Data: []byte("x")})
			switch string(r.Param("how")) {
			case "panic":
				panic("at the disco")
			case "goexit":
				runtime.Goexit()
			case "error":
				return errors.New("failed")
			}
			return nil
		}
	}
	rt := NewRouter()
	rt.Handle("GET /open/{how}", stream(false))
	g := rt.Group("/closed")
	g.Use(func(next Handler) Handler {
		return func(w *Response, r *Request) error {
			defer w.Written() // which the race detector looks at
			return next(w, r)
		}
	})
	g.Handle("GET /{how}", stream(true))
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt, func(s *Server) { s.Loops = 1 })
		for range 20 {
			for _, path := range []string{"/open/", "/closed/"} {
				for _, how := range []string{"return", "panic", "goexit", "error"} {
					body, err := io.ReadAll(a.stream(path + how).Body)
					require.Equal(t, how == "return", err == nil, path+how)
					require.NotContains(t, string(body), "HTTP/1.1")
				}
			}
		}
	})
}

// TestEventsShutdown: streams without end do not keep a server from stopping.
func TestEventsShutdown(t *testing.T) {
	rt := route1(func(w *Response, _ *Request) error {
		e, err := w.Events(EventsOptions{Heartbeat: time.Millisecond})
		if err != nil {
			return err
		}
		<-e.Done()
		return nil
	})
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt)
		resp := a.stream("/")
		a.stop()
		_, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err, "the stream ends as a whole")
	})
}

// TestEventsMany: a thousand streams at once get all events, and leave no goroutine behind.
func TestEventsMany(t *testing.T) {
	const streams = 1000
	var mu sync.Mutex
	hub := map[*Events]bool{}
	rt := route1(func(w *Response, _ *Request) error {
		e, err := w.Events(EventsOptions{Heartbeat: 100 * time.Millisecond})
		if err != nil {
			return err
		}
		mu.Lock()
		hub[e] = true
		mu.Unlock()
		<-e.Done()
		mu.Lock()
		delete(hub, e)
		mu.Unlock()
		return nil
	})
	size := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(hub)
	}
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt)
		before := runtime.NumGoroutine()
		var clients []*wire
		for range streams {
			clients = append(clients, a.dial().send(request("GET", "/")))
		}
		eventually(t, "all streams", func() bool { return size() == streams })
		during := runtime.NumGoroutine()
		mu.Lock()
		all := slices.Collect(maps.Keys(hub))
		mu.Unlock()
		for _, e := range all {
			require.NoError(t, e.Send(Event{Data: []byte("for all")}))
		}
		for _, c := range clients {
			resp, err := http.ReadResponse(c.r, nil)
			require.NoError(t, err)
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() && lines.Text() != "data: for all" {
			}
			require.Equal(t, "data: for all", lines.Text())
			c.Close()
		}
		eventually(t, "all handlers to end", func() bool { return size() == 0 })
		// The loops keep some goroutines for the next handlers that wait.
		eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() < before+streams/10 })
		t.Logf("goroutines: %d before, %d during, %d after", before, during, runtime.NumGoroutine())
	})
}
