package nethttp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/listen/proxy"
)

// Behind a proxy that says who its clients are, HTTP/2 requests come from those, and so do the hooks' connections.
func TestHTTP2BehindProxy(t *testing.T) {
	cert, key := certificate(t)
	for _, hooked := range []bool{false, true} {
		s := &nethttp.Server{Protocols: set(http1, http2, clearText), ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr, " ", r.Context().Value(http.LocalAddrContextKey), " ", r.TLS != nil)
		})}
		if hooked {
			s.ConnState = func(c net.Conn, to http.ConnState) {
				if got := c.RemoteAddr().String(); got != "192.0.2.7:77" && to != http.StateNew {
					t.Errorf("%v: %v", to, got)
				}
			}
		}
		for _, secure := range []bool{false, true} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			pl, err := proxy.New(l, proxy.Config{Trusted: listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
			require.NoError(t, err)
			url, tr := "http://", &http.Transport{Protocols: set(clearText)}
			serve := func() error { return s.Serve(pl) }
			if secure {
				url, tr = "https://", &http.Transport{Protocols: set(http2), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
				serve = func() error { return s.ServeTLS(pl, cert, key) }
			}
			served := make(chan error, 1)
			go func() { served <- serve() }()
			tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err == nil {
					_, err = io.WriteString(c, "PROXY TCP4 192.0.2.7 192.0.2.8 77 88\r\n")
				}
				return c, err
			}
			require.Equal(t, fmt.Sprint("HTTP/2.0 192.0.2.7:77 192.0.2.8:88 ", secure), get(t, tr, url+l.Addr().String()))
			defer func() { require.Equal(t, http.ErrServerClosed, <-served) }()
		}
		defer s.Close()
	}
}

// HTTP/2 comes through Unix sockets as well.
func TestHTTP2OnUnixSocket(t *testing.T) {
	cert, key := certificate(t)
	s := &nethttp.Server{Protocols: set(http2, clearText), ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS != nil)
	})}
	for _, secure := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		served := make(chan error, 1)
		url, tr := "http://", &http.Transport{Protocols: set(clearText)}
		if secure {
			url, tr = "https://", &http.Transport{Protocols: set(http2), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			go func() { served <- s.ServeTLS(l, cert, key) }()
		} else {
			go func() { served <- s.Serve(l) }()
		}
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		require.Equal(t, fmt.Sprint("HTTP/2.0 ", secure), get(t, tr, url+"socket"))
		defer func() { require.Equal(t, http.ErrServerClosed, <-served) }()
	}
	defer s.Close()
}
