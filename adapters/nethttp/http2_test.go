package nethttp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// setup is what the two kinds of server have in common and these tests set.
type setup struct {
	handler     http.Handler
	config      *tls.Config
	protocols   *http.Protocols
	next        map[string]func(*http.Server, *tls.Conn, http.Handler)
	state       func(net.Conn, http.ConnState)
	base        func(net.Listener) context.Context
	conn        func(context.Context, net.Conn) context.Context
	log         *log.Logger
	idle        time.Duration
	http2       *http.HTTP2Config
	headerBytes int
}

// secure is a server that can be given certificates.
type secure interface {
	server
	ServeTLS(l net.Listener, certFile, keyFile string) error
}

// secureKinds are the two servers, the oracle first.
var secureKinds = []struct {
	name string
	make func(f setup) secure
}{
	{"oracle", func(f setup) secure {
		return &http.Server{Handler: f.handler, TLSConfig: f.config, Protocols: f.protocols, TLSNextProto: f.next, ConnState: f.state,
			BaseContext: f.base, ConnContext: f.conn, ErrorLog: f.log, IdleTimeout: f.idle, HTTP2: f.http2, MaxHeaderBytes: f.headerBytes}
	}},
	{"ours", func(f setup) secure {
		return &nethttp.Server{Handler: f.handler, TLSConfig: f.config, Protocols: f.protocols, TLSNextProto: f.next, ConnState: f.state,
			BaseContext: f.base, ConnContext: f.conn, ErrorLog: f.log, IdleTimeout: f.idle, HTTP2: f.http2, MaxHeaderBytes: f.headerBytes}
	}},
}

// runningTLS starts s on a port of its own: by ServeTLS, or by Serve on a listener that speaks TLS itself.
func runningTLS(t testing.TB, s secure, config *tls.Config, cert, key string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() {
		if config == nil {
			served <- s.ServeTLS(l, cert, key)
		} else {
			served <- s.Serve(tls.NewListener(l, config))
		}
	}()
	t.Cleanup(func() {
		s.Close()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return l.Addr().String()
}

func set(p ...func(*http.Protocols, bool)) *http.Protocols {
	ps := new(http.Protocols)
	for _, f := range p {
		f(ps, true)
	}
	return ps
}

var (
	http1     = (*http.Protocols).SetHTTP1
	http2     = (*http.Protocols).SetHTTP2
	clearText = (*http.Protocols).SetUnencryptedHTTP2
)

// get makes one request on a connection of its own and says what came of it.
func get(t testing.TB, tr *http.Transport, url string) string {
	t.Helper()
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	res, err := tr.RoundTrip(req.WithContext(ctx))
	if err != nil {
		require.NoError(t, ctx.Err())
		return "no answer"
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.Proto + " " + string(body)
}

// What is offered in the handshake, and what then is spoken, is what net/http offers and speaks.
func TestOfferedProtocols(t *testing.T) {
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	shout := func(_ *http.Server, c *tls.Conn, h http.Handler) {
		line, _ := bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, strings.ToUpper(line))
	}
	mute := func(*http.Server, *tls.Conn, http.Handler) {}
	type protos = map[string]func(*http.Server, *tls.Conn, http.Handler)
	for _, tt := range []struct {
		name  string
		debug string
		f     func() setup
		outer []string // of the listener's TLS, if it has one
	}{
		{name: "nothing said", f: func() setup { return setup{} }},
		{name: "own order", f: func() setup { return setup{config: &tls.Config{NextProtos: []string{"x", "http/1.1", "h2"}}} }},
		{name: "not h2 first", f: func() setup { return setup{config: &tls.Config{NextProtos: []string{"http/1.1"}}} }},
		{name: "empty map", f: func() setup { return setup{next: protos{}} }},
		{name: "own protocol", f: func() setup {
			return setup{next: protos{"shout": shout}, config: &tls.Config{NextProtos: []string{"shout"}}}
		}},
		{name: "own h2", f: func() setup { return setup{next: protos{"h2": mute}} }},
		{name: "own protocol and h2", f: func() setup {
			return setup{next: protos{"shout": shout}, config: &tls.Config{NextProtos: []string{"shout"}}, protocols: set(http1, http2)}
		}},
		{name: "a protocol nobody serves", f: func() setup { return setup{config: &tls.Config{NextProtos: []string{"shout"}}} }},
		{name: "HTTP/1 only", f: func() setup { return setup{protocols: set(http1)} }},
		{name: "HTTP/2 only", f: func() setup { return setup{protocols: set(http2)} }},
		{name: "both", f: func() setup { return setup{protocols: set(http1, http2)} }},
		{name: "cleartext only", f: func() setup { return setup{protocols: set(clearText)} }},
		{name: "GODEBUG", debug: "http2server=0", f: func() setup { return setup{} }},
		{name: "GODEBUG, but asked for", debug: "http2server=0", f: func() setup { return setup{protocols: set(http1, http2)} }},
		{name: "GODEBUG, own h2", debug: "http2server=0", f: func() setup { return setup{next: protos{"h2": mute}} }},
		{name: "TLS listener", f: func() setup { return setup{} }, outer: []string{"h2", "http/1.1"}},
		{name: "TLS listener, other configuration", f: func() setup { return setup{config: new(tls.Config)} }, outer: []string{"h2"}},
		{name: "TLS listener, same configuration", f: func() setup {
			return setup{config: &tls.Config{NextProtos: []string{"h2"}}}
		}, outer: []string{"h2"}},
		{name: "TLS listener, own protocol", f: func() setup { return setup{next: protos{"shout": shout}} }, outer: []string{"shout"}},
		{name: "TLS listener, no ALPN", f: func() setup { return setup{protocols: set(http2)} }, outer: []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.debug != "" {
				t.Setenv("GODEBUG", tt.debug)
			}
			var got [2][]string
			for i, k := range secureKinds {
				f := tt.f()
				f.log = quiet
				f.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fmt.Fprint(w, r.Proto, r.TLS.NegotiatedProtocol, r.RequestURI)
				})
				var config *tls.Config
				if tt.outer != nil {
					config = &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: tt.outer}
				}
				addr := runningTLS(t, k.make(f), config, cert, key)
				for _, ask := range [][]string{nil, {"http/1.1"}, {"h2"}, {"h2", "http/1.1"}, {"http/1.1", "h2"}, {"shout"}, {"other"}} {
					got[i] = append(got[i], fmt.Sprint(ask, " ", spoken(t, addr, ask)))
				}
			}
			require.Equal(t, got[0], got[1])
		})
	}
}

// spoken shakes hands on a new connection and says what was agreed on and how the server answers to it.
func spoken(t *testing.T, addr string, ask []string) string {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: ask})
	if err != nil {
		require.Contains(t, err.Error(), "no application protocol")
		return "no protocol"
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	agreed := c.ConnectionState().NegotiatedProtocol
	switch agreed {
	case "h2":
		c.Close()
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, Protocols: set(http2)}
		return agreed + ": " + get(t, tr, "https://"+addr+"/path")
	case "shout":
		io.WriteString(c, "hello\n")
	default:
		io.WriteString(c, "GET /path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	}
	answer, err := io.ReadAll(c)
	var cut *net.OpError
	if errors.As(err, &cut) && !cut.Timeout() {
		err = nil // closed with what we sent unread
	}
	require.NoError(t, err)
	return agreed + ": " + dateLine.ReplaceAllString(string(answer), "Date: <date>")
}

// A protocol of the program's own gets the server, the connection and a handler that fills in requests.
func TestTLSNextProto(t *testing.T) {
	cert, key := certificate(t)
	type key1 struct{}
	for _, k := range secureKinds {
		got := make(chan string, 1)
		f := setup{
			config:  &tls.Config{NextProtos: []string{"own"}},
			handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.RemoteAddr + " " + r.TLS.NegotiatedProtocol }),
			base: func(net.Listener) context.Context {
				return context.WithValue(context.Background(), key1{}, "base")
			},
		}
		f.next = map[string]func(*http.Server, *tls.Conn, http.Handler){"own": func(s *http.Server, c *tls.Conn, h http.Handler) {
			io.WriteString(c, "own") // the server begins
			ctx := h.(interface{ BaseContext() context.Context }).BaseContext()
			if s.TLSNextProto["own"] == nil || ctx.Value(http.ServerContextKey) != s || ctx.Value(key1{}) != "base" {
				t.Errorf("%s: %v in %v", k.name, s, ctx)
			}
			h.ServeHTTP(nil, &http.Request{})
		}}
		addr := runningTLS(t, k.make(f), nil, cert, key)
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"own"}})
		require.NoError(t, err)
		text, err := io.ReadAll(c) // when the function returns, the connection ends
		require.NoError(t, err)
		require.Equal(t, "own", string(text))
		require.Equal(t, c.LocalAddr().String()+" own", <-got)
		c.Close()
	}
}

// A configuration that HTTP/2 does not allow is an error before anything is served.
func TestHTTP2CipherSuites(t *testing.T) {
	cert, key := certificate(t)
	var errs [2]error
	for i, k := range secureKinds {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := k.make(setup{config: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}})
		errs[i] = s.ServeTLS(l, cert, key)
		l.Close()
		require.ErrorContains(t, errs[i], "CipherSuites")
	}
	require.Equal(t, errs[0].Error(), errs[1].Error())
}

// HTTP/2 without TLS is spoken where it is asked for, and nowhere else, on each transport.
func TestCleartext(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS == nil, " ", r.RemoteAddr != "")
	})
	for _, tt := range []struct {
		protocols      *http.Protocols
		plain, upfront string
	}{
		{nil, "HTTP/1.1 HTTP/1.1 true true", "no answer"},
		{set(http1, http2), "HTTP/1.1 HTTP/1.1 true true", "no answer"},
		{set(http1, clearText), "HTTP/1.1 HTTP/1.1 true true", "HTTP/2.0 HTTP/2.0 true true"},
		{set(clearText), "no answer", "HTTP/2.0 HTTP/2.0 true true"},
		{set(http2, clearText), "no answer", "HTTP/2.0 HTTP/2.0 true true"},
		{set(http2), "no answer", "no answer"},
	} {
		for _, s := range []server{
			&http.Server{Handler: handler, Protocols: tt.protocols, ErrorLog: quiet},
			&nethttp.Server{Handler: handler, Protocols: tt.protocols, ErrorLog: quiet},
			&nethttp.Server{Handler: handler, Protocols: tt.protocols, ErrorLog: quiet, Transport: "portable"},
		} {
			addr := running(t, s)
			require.Equal(t, tt.plain, get(t, new(http.Transport), "http://"+addr), "%T %v", s, tt.protocols)
			require.Equal(t, tt.upfront, get(t, &http.Transport{Protocols: set(clearText)}, "http://"+addr), "%T %v", s, tt.protocols)
		}
	}
}

// Without the option the preface is a request for the handler, who may take the connection over.
func TestPrefaceAsRequest(t *testing.T) {
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	compare(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, r.URL.Path, r.Proto, r.ProtoMajor, r.ProtoMinor, len(r.Header), r.Close)
	}), step{send: preface})
	compare(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		rest := make([]byte, len("SM\r\n\r\n"))
		_, err = io.ReadFull(rw, rest)
		fmt.Fprintf(c, "%q %v", rest, err)
	}), step{send: preface})
}

// A preface that comes in pieces is one; what only looks like it at first is answered as HTTP/1.
func TestPrefaceInPieces(t *testing.T) {
	s := &nethttp.Server{Handler: withLast(http.NotFoundHandler()), Protocols: set(http1, clearText)}
	addr := running(t, s)
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for i := 1; i < len(preface); i += 4 {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, preface[:i])
		time.Sleep(time.Millisecond) // so that the pieces are likely to come apart; either way it must work
		io.WriteString(c, preface[i:]+settings)
		frame := make([]byte, 9)
		_, err = io.ReadFull(c, frame)
		require.NoError(t, err)
		require.Equal(t, byte(4), frame[3], "the first frame is SETTINGS")
		c.Close()
	}
	want := talk(t, running(t, &http.Server{Handler: withLast(http.NotFoundHandler()), Protocols: set(http1, clearText)}),
		step{send: "PRI * HTTP/2.0\r\n\r\nXX" + lastRequest})
	require.Equal(t, want, talk(t, addr, step{send: "PRI * HTTP/2.0\r\n\r\nXX" + lastRequest}))
	require.Contains(t, talk(t, addr, step{send: lastRequest}), "last")
}

// Hooks see one connection from its beginning to its end, and its context is made once.
func TestHTTP2Hooks(t *testing.T) {
	cert, key := certificate(t)
	type madeBy struct{}
	for _, mode := range []string{"tls", "TLS listener", "prior knowledge"} {
		var got [2][]string
		for i, k := range secureKinds {
			var mu sync.Mutex
			var states, requests []string
			var conns []net.Conn
			closed := make(chan bool)
			f := setup{
				log:       quiet,
				protocols: set(http1, http2, clearText),
				handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					_, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
					requests = append(requests, fmt.Sprint(r.Proto, ok, r.Context().Value(madeBy{}),
						r.Context().Value(http.LocalAddrContextKey).(net.Addr).String() == r.Host))
				}),
				base: func(net.Listener) context.Context {
					return context.WithValue(context.Background(), madeBy{}, "base")
				},
				conn: func(ctx context.Context, c net.Conn) context.Context {
					mu.Lock()
					defer mu.Unlock()
					conns = append(conns, c)
					_, secure := c.(*tls.Conn)
					_, ok := ctx.Value(http.ServerContextKey).(*http.Server)
					return context.WithValue(ctx, madeBy{}, fmt.Sprint("conn after ", ctx.Value(madeBy{}), secure, ok))
				},
				state: func(c net.Conn, s http.ConnState) {
					mu.Lock()
					defer mu.Unlock()
					states = append(states, s.String())
					if !slices.Contains(conns, c) {
						t.Errorf("%s, %s: another connection", k.name, s)
					}
					if s == http.StateClosed {
						close(closed)
					}
				},
			}
			s := k.make(f)
			tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: set(http2)}
			var url string
			switch mode {
			case "prior knowledge":
				url = "http://" + running(t, s)
				tr.Protocols = set(clearText)
			case "tls":
				url = "https://" + runningTLS(t, s, nil, cert, key)
			default:
				pair, err := tls.LoadX509KeyPair(cert, key)
				require.NoError(t, err)
				url = "https://" + runningTLS(t, s, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}}, "", "")
			}
			for range 3 {
				res, err := (&http.Client{Transport: tr}).Get(url)
				require.NoError(t, err)
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			tr.CloseIdleConnections()
			<-closed
			mu.Lock()
			require.Len(t, conns, 1)
			got[i] = append(append(got[i], states...), requests...)
			mu.Unlock()
		}
		require.Equal(t, got[0], got[1], mode)
	}
}
