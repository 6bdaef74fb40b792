package nethttp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// countedConn counts what is written to the connection in one call.
type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// onlyConn gives one connection.
type onlyConn struct {
	conns chan net.Conn
	addr  net.Addr
}

func (l onlyConn) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l onlyConn) Close() error   { return nil }
func (l onlyConn) Addr() net.Addr { return l.addr }

// What io.Copy makes of a declared length leaves together with its head, as far as the source has it at hand.
func TestCopyIsOneWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "small.txt")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("x"), 1024), 0o644))
	text := strings.Repeat("x", 1024)
	declare := func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1024") }
	for name, serve := range map[string]http.HandlerFunc{
		"the request's body": func(w http.ResponseWriter, r *http.Request) {
			declare(w)
			io.Copy(w, r.Body)
		},
		"a file": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) },
		"content in memory": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader(text))
		},
		"a part of a file": func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(file)
			if err == nil {
				defer f.Close()
				declare(w)
				io.CopyN(w, f, 1024)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer ours.Close()
			var writes atomic.Int64
			l := onlyConn{make(chan net.Conn, 1), ours.LocalAddr()}
			l.conns <- countedConn{theirs, &writes}
			s := &nethttp.Server{Handler: serve}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			go fmt.Fprintf(ours, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n%s", text)
			resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, text, string(body))
			require.EqualValues(t, 1, writes.Load())
			close(l.conns)
			s.Close()
			<-served
		})
	}
}

// What a source has given is sent before it is waited for.
func TestCopyHoldsNothingBack(t *testing.T) {
	const first, rest = 700, 324
	for name, declared := range map[string]bool{"declared": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			read := make(chan struct{})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			s := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				source, end := io.Pipe()
				go func() {
					end.Write(make([]byte, first))
					<-read
					end.Write(make([]byte, rest))
					end.Close()
				}()
				if declared {
					w.Header().Set("Content-Length", fmt.Sprint(first+rest))
				}
				io.Copy(w, source)
			})}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			resp, err := http.Get("http://" + l.Addr().String())
			require.NoError(t, err)
			_, err = io.ReadFull(resp.Body, make([]byte, 512)) // net/http has sent as much
			require.NoError(t, err)
			close(read)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Len(t, body, first+rest-512)
			resp.Body.Close()
			s.Close()
			<-served
		})
	}
}
