package nethttp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// modes are the ways in which HTTP/2 comes to a server.
var modes = []struct {
	name  string
	start func(t *testing.T, s secure) (url string, tr *http.Transport)
}{
	{"tls", func(t *testing.T, s secure) (string, *http.Transport) {
		cert, key := certificate(t)
		return "https://" + runningTLS(t, s, nil, cert, key),
			&http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: set(http2)}
	}},
	{"prior knowledge", func(t *testing.T, s secure) (string, *http.Transport) {
		return "http://" + running(t, s), &http.Transport{Protocols: set(clearText)}
	}},
}

// eachMode runs f for both servers, by TLS and by prior knowledge, and looks for goroutines that stay behind.
func eachMode(t *testing.T, f func(t *testing.T, make func(setup) secure, start func(*testing.T, secure) (string, *http.Transport))) {
	for _, m := range modes {
		for _, k := range secureKinds {
			t.Run(m.name+"/"+k.name, func(t *testing.T) {
				t.Cleanup(func() { noConnections(t) }) // after the server's end
				f(t, k.make, m.start)
			})
		}
	}
}

// noConnections waits until no goroutine serves HTTP/2.
func noConnections(t *testing.T) {
	t.Helper()
	var stacks string
	require.Eventually(t, func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		return !strings.Contains(stacks, "net/http.(*http2serverConn)") && !strings.Contains(stacks, "net/http.(*conn).serve")
	}, patience, 10*time.Millisecond, "%s", &stacks)
}

// Shutdown lets streams that run come to their end, takes no new ones, and then ends the connection.
func TestHTTP2Shutdown(t *testing.T) {
	eachMode(t, func(t *testing.T, mk func(setup) secure, start func(*testing.T, secure) (string, *http.Transport)) {
		entered, leave := make(chan bool), make(chan bool)
		s := mk(setup{log: quiet, protocols: set(http1, http2, clearText), handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "begun ")
			w.(http.Flusher).Flush()
			entered <- true
			<-leave
			io.WriteString(w, "done")
		})})
		told := make(chan bool, 1)
		s.RegisterOnShutdown(func() { told <- true })
		url, tr := start(t, s)
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(url)
		require.NoError(t, err)
		defer res.Body.Close()
		<-entered

		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.Equal(t, context.Canceled, s.Shutdown(ctx))
		<-told
		done := make(chan error)
		go func() { done <- s.Shutdown(context.Background()) }()
		<-told
		select {
		case err := <-done:
			t.Fatalf("Shutdown has not waited: %v", err)
		case <-time.After(20 * time.Millisecond): // it may take longer to be wrong, never to be right
		}
		close(leave)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "begun done", string(body))
		require.NoError(t, <-done)
	})
}

// Close cuts streams, and their contexts end.
func TestHTTP2Close(t *testing.T) {
	eachMode(t, func(t *testing.T, mk func(setup) secure, start func(*testing.T, secure) (string, *http.Transport)) {
		ended := make(chan error, 1)
		s := mk(setup{log: quiet, protocols: set(http1, http2, clearText), handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			ended <- r.Context().Err()
		})})
		url, tr := start(t, s)
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(url)
		require.NoError(t, err)
		defer res.Body.Close()
		require.NoError(t, s.Close())
		require.Equal(t, context.Canceled, <-ended)
		_, err = io.ReadAll(res.Body)
		require.Error(t, err)
	})
}

// Without keep-alives a connection ends after the response that runs.
func TestHTTP2KeepAlivesDisabled(t *testing.T) {
	eachMode(t, func(t *testing.T, mk func(setup) secure, start func(*testing.T, secure) (string, *http.Transport)) {
		var s secure
		closed := make(chan bool)
		s = mk(setup{log: quiet, protocols: set(http1, http2, clearText), handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.SetKeepAlivesEnabled(false)
		}), state: func(_ net.Conn, to http.ConnState) {
			if to == http.StateClosed {
				close(closed)
			}
		}})
		url, tr := start(t, s)
		defer tr.CloseIdleConnections()
		res, err := (&http.Client{Transport: tr}).Get(url)
		require.NoError(t, err)
		res.Body.Close()
		<-closed
	})
}

// A server that has been told so before it serves does the same.
func TestHTTP2KeepAlivesDisabledBefore(t *testing.T) {
	closed := make(chan bool)
	s := &nethttp.Server{Handler: http.NotFoundHandler(), Protocols: set(clearText), ConnState: func(_ net.Conn, to http.ConnState) {
		if to == http.StateClosed {
			close(closed)
		}
	}}
	s.EndKeepAlives()
	tr := &http.Transport{Protocols: set(clearText)}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("http://" + running(t, s))
	require.NoError(t, err)
	res.Body.Close()
	<-closed
}

// Clients that begin with HTTP/2 and then do nothing, or do not read, delay nobody, and end after IdleTimeout, or
// when the server does.
func TestHTTP2Stalled(t *testing.T) {
	const stalled = 50
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// SETTINGS with a window of nothing; HEADERS on stream 1 that end it: GET / of http.
	asks := preface + "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00" +
		"\x00\x00\x03\x01\x05\x00\x00\x00\x01\x82\x86\x84"
	s := &nethttp.Server{Protocols: set(http1, clearText), ErrorLog: quiet, IdleTimeout: 300 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) })}
	addr := running(t, s)
	var conns []net.Conn
	for i := range stalled {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		begin := []string{preface[:10], preface, asks}[i%3]
		_, err = io.WriteString(c, begin)
		require.NoError(t, err)
		if begin == preface {
			conns = append(conns, c)
		}
	}
	tr := &http.Transport{Protocols: set(clearText)}
	defer tr.CloseIdleConnections()
	for range 3 {
		require.Len(t, get(t, tr, "http://"+addr), len("HTTP/2.0 ")+1<<20)
	}
	for _, c := range conns { // no stream has begun, so they are idle
		_, err := io.ReadAll(c)
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.Equal(t, context.DeadlineExceeded, s.Shutdown(ctx)) // streams run
	require.NoError(t, s.Close())
	noConnections(t)
}

// A connection that is handed over when the server has ended is closed.
func TestHTTP2AfterShutdown(t *testing.T) {
	accepted, closed := make(chan bool), make(chan bool)
	s := &nethttp.Server{Handler: http.NotFoundHandler(), Protocols: set(clearText), ConnState: func(_ net.Conn, to http.ConnState) {
		switch to {
		case http.StateNew:
			close(accepted)
		case http.StateClosed:
			close(closed)
		default:
			t.Errorf("state %v", to)
		}
	}}
	c, err := net.Dial("tcp", running(t, s))
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	<-accepted
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	require.Error(t, s.Shutdown(ctx)) // the connection may still ask for something
	io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	_, err = io.ReadAll(c)
	require.NoError(t, err)
	<-closed
}
