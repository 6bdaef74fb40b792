package nethttp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// What handlers, hooks and callbacks are told of a connection with TLS, by net/http and by us.
func TestTLSSeen(t *testing.T) {
	cert, key := certificate(t)
	seen := map[string]string{}
	for _, k := range secureKinds {
		notes := new(lines)
		note := func(format string, args ...any) { fmt.Fprintf(notes, format+"\n", args...) }
		pair, err := tls.LoadX509KeyPair(cert, key)
		require.NoError(t, err)
		type key1 struct{}
		s := k.make(setup{
			log: log.New(notes, "", 0),
			handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				st := r.TLS
				note("request %s %v %s %v %v", tls.VersionName(st.Version), st.HandshakeComplete, st.ServerName, st.NegotiatedProtocol, len(st.PeerCertificates))
				if r.URL.Path != "/hijack" {
					return
				}
				nc, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					note("hijack: %v", err)
					return
				}
				tc, ok := nc.(*tls.Conn)
				note("hijacked %v %d", ok, rw.Reader.Buffered())
				go func() {
					defer nc.Close()
					io.WriteString(tc, "mine ")
					io.Copy(tc, rw)
				}()
			}),
			state: func(c net.Conn, s http.ConnState) {
				_, ok := c.(*tls.Conn)
				note("%v %v", s, ok)
			},
			conn: func(ctx context.Context, c net.Conn) context.Context {
				tc, ok := c.(*tls.Conn)
				note("accepted %v %v", ok, ok && tc.ConnectionState().HandshakeComplete)
				return context.WithValue(ctx, key1{}, "conn")
			},
			config: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				ctx := hello.Context()
				_, server := ctx.Value(http.ServerContextKey).(*http.Server)
				local, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr)
				note("hello %s %v %v %v", hello.ServerName, ctx.Value(key1{}), server, ok && local.String() == hello.Conn.LocalAddr().String())
				return &pair, nil
			}},
		})
		addr := runningTLS(t, s, nil, "", "")
		dial := func() *tls.Conn {
			c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(patience))
			return c
		}
		c := dial()
		for range 2 {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			_, err := c.Read(make([]byte, 1000))
			require.NoError(t, err)
		}
		c.Close()
		waitFor(t, func() bool { return strings.Count(notes.String(), "closed") == 1 })

		c = dial()
		io.WriteString(c, "GET /hijack HTTP/1.1\r\nHost: h\r\n\r\n")
		io.WriteString(c, "more")
		b := make([]byte, 5)
		_, err = io.ReadFull(c, b)
		require.NoError(t, err)
		require.Equal(t, "mine ", string(b))
		io.WriteString(c, " and more")
		c.CloseWrite()
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(rest), " and more"), string(rest))

		plain, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		io.WriteString(plain, "GET / HTTP/1.0\r\n\r\n")
		text, _ := io.ReadAll(plain)
		plain.Close()
		waitFor(t, func() bool { return strings.Count(notes.String(), "closed") == 2 })
		note("%s", text)
		c2, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		c2.Close()
		waitFor(t, func() bool { return strings.Count(notes.String(), "closed") == 3 })
		// How much was buffered when the handler hijacked is a matter of chance.
		seen[k.name] = regexp.MustCompile(`hijacked true \d`).ReplaceAllString(notes.text(), "hijacked true")
	}
	require.Equal(t, seen["oracle"], seen["ours"])
	require.Contains(t, seen["ours"], "client sent an HTTP request to an HTTPS server")
	require.Contains(t, seen["ours"], "TLS handshake error from <addr>: EOF")
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(time.Millisecond) {
		require.Less(t, time.Since(start), patience)
	}
}

// What is wrong with the files of a certificate is said with their names, before anything is served.
// stating is a connection of somebody who has TLS of his own, and says what he likes of it.
type stating struct{ net.Conn }

func (stating) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{ServerName: "stated"}
}

type statingListener struct{ net.Listener }

func (l statingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return stating{c}, err
}

func TestTLSStated(t *testing.T) {
	for _, k := range kinds {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := k.make(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.TLS != nil && r.TLS.ServerName == "stated" && !r.TLS.HandshakeComplete)
		}), quiet)
		served := make(chan error, 1)
		go func() { served <- s.Serve(statingListener{l}) }()
		require.Contains(t, talk(t, l.Addr().String(), step{send: lastRequest}), "true", k.name)
		s.Close()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	}
}

func TestCertificateFiles(t *testing.T) {
	cert, key := certificate(t)
	_, other := certificate(t)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct {
		cert, key string
		names     []string
	}{
		{"/nowhere/cert", key, []string{"/nowhere/cert"}},
		{cert, "/nowhere/key", []string{"/nowhere/key"}},
		{filepath.Dir(cert), key, []string{filepath.Dir(cert)}},
		{cert, other, []string{cert, other, "does not match"}},
		{empty, key, []string{empty}},
		{key, cert, []string{key, cert}},
		{"", "", []string{"no certificate"}},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		for _, err := range []error{
			new(nethttp.Server).ServeTLS(l, tt.cert, tt.key),
			(&nethttp.Server{Addr: "127.0.0.1:0"}).ListenAndServeTLS(tt.cert, tt.key),
		} {
			for _, name := range tt.names {
				require.ErrorContains(t, err, name)
			}
			require.NotErrorIs(t, err, http.ErrServerClosed)
		}
	}
}

// A manager of certificates like autocert's: it offers a protocol that ends with the handshake, answers that with a
// certificate of its own, and gives the rest what it has at the time.
func TestAutomaticCertificates(t *testing.T) {
	for _, k := range secureKinds {
		cert, key := certificate(t)
		pair, err := tls.LoadX509KeyPair(cert, key)
		require.NoError(t, err)
		challenges := make(chan string, 1)
		s := k.make(setup{log: quiet, handler: http.NotFoundHandler(), config: &tls.Config{
			NextProtos: []string{"h2", "http/1.1", "acme-tls/1"},
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				if hello.ServerName != "localhost" {
					return nil, errors.New("host not allowed")
				}
				if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == "acme-tls/1" {
					challenges <- hello.ServerName
				}
				return &pair, nil
			},
		}})
		addr := runningTLS(t, s, nil, "", "")
		dial := func(name string, protos ...string) (*tls.Conn, error) {
			return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protos})
		}
		c, err := dial("localhost", "acme-tls/1")
		require.NoError(t, err)
		require.Equal(t, "localhost", <-challenges)
		require.Equal(t, "acme-tls/1", c.ConnectionState().NegotiatedProtocol)
		b, err := io.ReadAll(c)
		require.NoError(t, err, k.name)
		require.Empty(t, b)
		_, err = dial("elsewhere.example", "http/1.1")
		require.Error(t, err)
		require.Equal(t, "HTTP/2.0 404 page not found\n", get(t, trusting(t, cert), "https://localhost:"+addr[strings.LastIndex(addr, ":")+1:]))
	}
}
