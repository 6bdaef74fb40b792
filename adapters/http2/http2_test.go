package http2_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
)

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, url, body)
	require.NoError(t, err)
	return r
}

// The handler sees the connection that the stream is on, and its TLS.
func TestConnection(t *testing.T) {
	a := run(t, &native.Server{Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
		state := "none"
		if s := r.TLS(); s != nil {
			state = s.NegotiatedProtocol
		}
		return w.Text(200, fmt.Sprint(r.RemoteAddr(), " ", r.LocalAddr(), " ", state))
	}})}, http2.Options{})
	for _, tt := range []struct {
		speak       func(*http.Protocols, bool)
		url, addr   string
		proto, want string
	}{
		{two, "https://" + a.secure, a.secure, "HTTP/2.0", "h2"},
		{one, "https://" + a.secure, a.secure, "HTTP/1.1", "http/1.1"},
		{upfront, "http://" + a.plain, a.plain, "HTTP/2.0", "none"},
		{one, "http://" + a.plain, a.plain, "HTTP/1.1", "none"},
	} {
		var local string
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { local = i.Conn.LocalAddr().String() }}
		res, err := client(t, tt.speak).Do(request(t, "GET", tt.url, nil).WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, tt.proto, res.Proto)
		if tt.want == "http/1.1" && strings.HasSuffix(string(body), " ") {
			tt.want = "" // a client that offers nothing agrees on nothing
		}
		require.Equal(t, local+" "+tt.addr+" "+tt.want, string(body))
	}
	counters := a.Counters()
	require.Equal(t, []uint64{4, 4, 2}, []uint64{counters.Accepted, counters.Requests, counters.Hijacked})
}

// Bodies go both ways at once, as they come.
func TestFullDuplex(t *testing.T) {
	a := run(t, &native.Server{Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
		if err := w.Flush(); err != nil { // before the first byte of the body
			return err
		}
		lines := bufio.NewReader(r.BodyReader())
		for {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			w.Write(bytes.ToUpper(line))
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}})}, http2.Options{})
	for _, speak := range []func(*http.Protocols, bool){two, upfront} {
		url := "https://" + a.secure
		p := new(http.Protocols)
		if speak(p, true); p.UnencryptedHTTP2() {
			url = "http://" + a.plain
		}
		pr, pw := io.Pipe()
		res, err := client(t, speak).Do(request(t, "POST", url, pr))
		require.NoError(t, err)
		lines := bufio.NewReader(res.Body)
		for i := range 20 {
			fmt.Fprintf(pw, "line %d\n", i)
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("LINE %d\n", i), line)
		}
		pw.Close()
		rest, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Empty(t, rest)
		res.Body.Close()
	}
}

// Events come one by one, and end when the client leaves.
func TestEvents(t *testing.T) {
	next, left := make(chan string), make(chan error, 1)
	a := run(t, &native.Server{WriteTimeout: 200 * time.Millisecond, Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
		e, err := w.Events(native.EventsOptions{Heartbeat: -1})
		if err != nil {
			return err
		}
		defer e.Close()
		for {
			select {
			case text := <-next:
				e.Send(native.Event{Data: []byte(text)})
			case <-e.Done():
				left <- r.Context().Err()
				return nil
			}
		}
	}})}, http2.Options{})
	res, err := client(t, two).Get("https://" + a.secure)
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	lines := bufio.NewReader(res.Body)
	for i := range 5 {
		next <- fmt.Sprint(i)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("data: %d\n", i), line)
		lines.ReadString('\n')
	}
	time.Sleep(1500 * time.Millisecond) // longer than WriteTimeout: nobody waits for anything to be taken
	next <- "still"
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: still\n", line)
	res.Body.Close() // resets the stream
	require.Equal(t, context.Canceled, <-left)
}

// A client that expects to be asked for its body is asked when the handler reads it, and not if it does not.
func TestExpectContinue(t *testing.T) {
	a := run(t, &native.Server{Router: router(map[string]native.Handler{
		"/refuse": func(w *native.Response, r *native.Request) error { return w.Text(403, "no") },
		"/read": func(w *native.Response, r *native.Request) error {
			body, err := r.Body()
			if err != nil {
				return err
			}
			return w.Text(200, string(body))
		},
	})}, http2.Options{})
	c := client(t, two)
	for path, want := range map[string]string{"/refuse": "403 no asked false read 0", "/read": "200 hello asked true read 5"} {
		asked := false
		body := &counted{Reader: strings.NewReader("hello")}
		r := request(t, "POST", "https://"+a.secure+path, body)
		r.ContentLength = 5
		r.Header.Set("Expect", "100-continue")
		trace := &httptrace.ClientTrace{Got100Continue: func() { asked = true }}
		res, err := c.Do(r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, want, fmt.Sprintf("%d %s asked %v read %d", res.StatusCode, text, asked, body.n))
	}
}

type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// A client that leaves in the middle of its body, whether that is read or not, or of the answer, is noticed.
func TestReset(t *testing.T) {
	begun, ended := make(chan bool), make(chan error, 1)
	wait := func(w *native.Response, r *native.Request) error {
		done := r.Context().Done()
		begun <- true
		<-done
		ended <- r.Context().Err()
		return nil
	}
	a := run(t, &native.Server{Router: router(map[string]native.Handler{
		"/read": func(w *native.Response, r *native.Request) error {
			begun <- true
			_, err := io.Copy(io.Discard, r.BodyReader())
			ended <- err
			return err
		},
		"/write": func(w *native.Response, r *native.Request) error {
			begun <- true
			for {
				if _, err := w.Write(make([]byte, 10<<10)); err != nil {
					ended <- err
					return err
				}
			}
		},
		"/wait":   wait,
		"/ignore": wait,
	})}, http2.Options{})
	c := client(t, two)
	for _, path := range []string{"/read", "/write", "/wait", "/ignore"} {
		ctx, cancel := context.WithCancel(context.Background())
		r := request(t, "GET", "https://"+a.secure+path, nil)
		if path == "/read" || path == "/ignore" {
			pr, pw := io.Pipe()
			defer pw.Close()
			r = request(t, "POST", "https://"+a.secure+path, pr)
		}
		go func() {
			<-begun
			cancel()
		}()
		res, err := c.Do(r.WithContext(ctx))
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Error(t, <-ended)
	}
}

// Shutdown waits for streams, and tells events to end; Close cuts them.
func TestEnd(t *testing.T) {
	for _, gently := range []bool{true, false} {
		begun, leave := make(chan bool), make(chan bool)
		a := run(t, &native.Server{Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
			w.Flush()
			begun <- true
			select {
			case <-leave:
			case <-r.Context().Done():
			}
			return w.Text(200, "whole")
		}})}, http2.Options{})
		res, err := client(t, two).Get("https://" + a.secure)
		require.NoError(t, err)
		<-begun
		if !gently {
			require.NoError(t, a.Close())
			_, err := io.ReadAll(res.Body)
			require.Error(t, err)
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, a.Shutdown(ctx), context.Canceled)
		done := make(chan error)
		go func() { done <- a.Shutdown(context.Background()) }()
		select {
		case err := <-done:
			t.Fatal("Shutdown has not waited", err)
		case <-time.After(20 * time.Millisecond):
		}
		close(leave)
		_, err = io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, <-done)
	}
}

// Streams of one connection are answered each with its own.
func TestTogether(t *testing.T) {
	a := run(t, &native.Server{Router: router(map[string]native.Handler{"/{i}": func(w *native.Response, r *native.Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		return w.Text(200, string(r.Param("i"))+" "+string(body))
	}})}, http2.Options{})
	c := client(t, two)
	res, err := c.Get("https://" + a.secure + "/first") // or each of the others would make a connection
	require.NoError(t, err)
	res.Body.Close()
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			for j := range 20 {
				body := strings.Repeat(fmt.Sprint(i, j, " "), 1+i*j*5)
				res, err := c.Do(request(t, "POST", fmt.Sprintf("https://%s/%d", a.secure, i), strings.NewReader(body)))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if want := fmt.Sprint(i, " ", body); err != nil || string(got) != want {
					t.Errorf("%d bytes, want %d: %.50q, want %.50q: %v", len(got), len(want), got, want, err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, uint64(1), a.Counters().Accepted)
}

// A body that does not come is waited for as long as by HTTP/1, and the client is told.
func TestSlowBody(t *testing.T) {
	a := run(t, &native.Server{BodyTimeout: 100 * time.Millisecond, Router: router(map[string]native.Handler{"/": echo})}, http2.Options{})
	pr, pw := io.Pipe()
	defer pw.Close()
	res, err := client(t, two).Do(request(t, "POST", "https://"+a.secure, pr))
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, 408, res.StatusCode)
}

// A client that takes nothing has WriteTimeout to change its mind.
func TestWriteTimeout(t *testing.T) {
	failed := make(chan error, 1)
	a := run(t, &native.Server{WriteTimeout: 100 * time.Millisecond, Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
		for {
			if _, err := w.Write(make([]byte, 10<<10)); err != nil {
				failed <- err
				return err
			}
		}
	}})}, http2.Options{})
	res, err := client(t, two).Get("https://" + a.secure)
	require.NoError(t, err)
	require.Error(t, <-failed)
	_, err = io.ReadAll(res.Body)
	require.Error(t, err)
	res.Body.Close()
}
