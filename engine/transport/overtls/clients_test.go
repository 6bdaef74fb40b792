package overtls_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// versions runs f with clients of each version, on each transport.
func versions(t *testing.T, f func(t *testing.T, transport string, version func(*tls.Config))) {
	onTransports(t, func(t *testing.T, transport string) {
		for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tls.VersionName(v), func(t *testing.T) {
				f(t, transport, func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v })
			})
		}
	})
}

func TestVersions(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		s := serve(t, transport, func(x *engine.Exchange) {
			st := x.Conn().TLS()
			reply(x, fmt.Sprintln(tls.VersionName(st.Version), st.HandshakeComplete, st == x.Conn().TLS()))
		})
		c := s.dial(t, version)
		for range 3 {
			got := must(t)(c.get("/"))
			require.Equal(t, tls.VersionName(c.ConnectionState().Version)+" true true\n", got)
		}
		// Requests that come together are answered together.
		io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 50))
		for range 50 {
			must(t)(c.answer())
		}
	})
}

// TestResumption: a second connection takes the session of the first up, whichever listener it comes to.
func TestResumption(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		s := serve(t, transport, func(x *engine.Exchange) { reply(x, fmt.Sprint(x.Conn().TLS().DidResume)) })
		cache := tls.NewLRUClientSessionCache(1)
		with := func(c *tls.Config) { c.ClientSessionCache = cache }
		first := s.dial(t, version, with)
		require.Equal(t, "false", must(t)(first.get("/")))
		first.Close()

		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go s.Serve(l)
		s.addr = l.Addr().String()
		for range 3 {
			c := s.dial(t, version, with)
			require.Equal(t, "true", must(t)(c.get("/")))
			require.True(t, c.ConnectionState().DidResume)
			c.Close()
		}
	})
}

func TestClientCertificate(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		people := newAuthority(t)
		s := serve(t, transport, func(x *engine.Exchange) {
			st := x.Conn().TLS()
			reply(x, fmt.Sprint(st.PeerCertificates[0].DNSNames, len(st.VerifiedChains)))
		}, func(es *engine.Server) {
			es.TLS.ClientAuth, es.TLS.ClientCAs = tls.RequireAndVerifyClientCert, people.pool
		})
		c := s.dial(t, version, func(c *tls.Config) { c.Certificates = []tls.Certificate{people.sign(t, "me")} })
		require.Equal(t, "[me] 1", must(t)(c.get("/")))

		// Without one, and with a stranger's. The client of TLS 1.3 learns of it when it reads.
		_, err := s.dial(t, version).get("/")
		require.ErrorContains(t, err, "remote error: tls: ")
		stranger := newAuthority(t).sign(t, "me")
		_, err = s.dial(t, version, func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
		}).get("/")
		require.ErrorContains(t, err, "remote error: tls: ")
		eventually(t, "two log lines", func() bool { return s.Counters().HandshakesFailed == 2 })
		require.Contains(t, s.logged(), "http: TLS handshake error from 127.0.0.1:")
	})
}

// TestNames: the name that the client asks for decides, and a certificate may be replaced while the server runs.
func TestNames(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		var certs atomic.Pointer[map[string]tls.Certificate]
		s := serve(t, transport, func(x *engine.Exchange) { reply(x, x.Conn().TLS().ServerName) }, func(es *engine.Server) {
			es.TLS.Certificates = nil
			es.TLS.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				if hello.Conn.RemoteAddr() == nil || hello.Conn.LocalAddr() == nil || hello.Context() == nil {
					return nil, io.EOF
				}
				if c, ok := (*certs.Load())[hello.ServerName]; ok {
					return &c, nil
				}
				return nil, fmt.Errorf("no certificate for %q", hello.ServerName)
			}
		})
		renew := func() {
			certs.Store(&map[string]tls.Certificate{"a.example": s.ca.sign(t, "a.example"), "b.example": s.ca.sign(t, "b.example")})
		}
		serial := map[string]bool{}
		for range 2 {
			renew()
			for _, name := range []string{"a.example", "b.example"} {
				c := s.dial(t, version, func(c *tls.Config) { c.ServerName = name })
				require.Equal(t, name, must(t)(c.get("/")))
				serial[c.ConnectionState().PeerCertificates[0].SerialNumber.String()] = true
			}
		}
		require.Len(t, serial, 4)
		_, err := s.dial(t, version, func(c *tls.Config) { c.ServerName = "c.example" }).get("/")
		require.Error(t, err)
		eventually(t, "a log line", func() bool { return strings.Contains(s.logged(), `no certificate for "c.example"`) })
	})
}

// TestALPN: what both know is agreed on, first the server's choice; who offers nothing gets HTTP/1.1.
func TestALPN(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		s := serve(t, transport, func(x *engine.Exchange) { reply(x, x.Conn().TLS().NegotiatedProtocol) })
		for _, tt := range []struct {
			offer []string
			want  string
		}{{nil, ""}, {[]string{"h2", "http/1.1"}, "http/1.1"}, {[]string{"http/1.1"}, "http/1.1"}} {
			c := s.dial(t, version, func(c *tls.Config) { c.NextProtos = tt.offer })
			require.Equal(t, tt.want, must(t)(c.get("/")))
		}
		_, err := s.dial(t, version, func(c *tls.Config) { c.NextProtos = []string{"spdy"} }).get("/")
		require.ErrorContains(t, err, "no application protocol")
	})
}

// TestConfigForClient: the configuration may depend on the client, and its secrets may be logged.
func TestConfigForClient(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		var keys bytes.Buffer
		type key struct{}
		s := serve(t, transport, echo, func(es *engine.Server) {
			own := es.TLS.Clone()
			own.KeyLogWriter = &keys
			es.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.Context().Value(key{}) != "ours" {
					return nil, io.EOF
				}
				return own, nil
			}}
			es.TLSContext = func(*engine.Conn) context.Context { return context.WithValue(context.Background(), key{}, "ours") }
		})
		require.Equal(t, "/x", must(t)(s.dial(t, version).get("/x")))
		require.NoError(t, s.Shutdown(t.Context())) // nobody writes any more
		require.NotEmpty(t, keys.String())
	})
}

// TestContextEnds: the end of a handshake's context ends the handshake.
func TestContextEnds(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		ctx, cancel := context.WithCancel(context.Background())
		s := serve(t, transport, echo, func(es *engine.Server) {
			es.TLSContext = func(*engine.Conn) context.Context { return ctx }
		})
		done := s.dial(t)
		require.Equal(t, "/x", must(t)(done.get("/x")))
		c := s.raw(t)
		stall(t, c)
		eventually(t, "a handshake", func() bool { return handshaking() == 1 })
		cancel()
		io.ReadAll(c) // it ends
		require.Equal(t, "/y", must(t)(done.get("/y")))
	})
}

// TestFarewell: both sides say that nothing follows (RFC 8446, section 6.1).
func TestFarewell(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		s := serve(t, transport, echo)
		// Ours, when the connection ends with an answer. A client's library says EOF for it alone; behind a bare end
		// of stream the record layer has no alert.
		tap := &tapped{Conn: s.raw(t)}
		c := s.over(tap, version)
		io.WriteString(c, "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		require.Equal(t, "/a", must(t)(c.answer()))
		_, err := c.r.ReadByte()
		require.Equal(t, io.EOF, err)
		last := tap.lastRecord()
		require.NotNil(t, last)
		if c.ConnectionState().Version == tls.VersionTLS12 {
			require.EqualValues(t, 21, last[0])
		} else {
			require.Len(t, last, 5+2+1+16)
		}
		// Theirs, without an end of the stream: what was asked before is answered, and then the connection ends.
		c = s.dial(t, version)
		io.WriteString(c, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "/b", must(t)(c.answer()))
		_, err = c.r.ReadByte()
		require.Equal(t, io.EOF, err)
		// Theirs in the middle of a body.
		c = s.dial(t, version)
		io.WriteString(c, "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "error: unexpected EOF", must(t)(c.answer()))
	})
}

// TestFarewellOfIdle: who is idle when the server stops, or closes what is idle, is told so.
func TestFarewellOfIdle(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		s := serve(t, transport, echo)
		for _, end := range []func(){s.CloseIdle, func() { require.NoError(t, s.Shutdown(t.Context())) }} {
			tap := &tapped{Conn: s.raw(t)}
			c := s.over(tap, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
			require.Equal(t, "/a", must(t)(c.get("/a")))
			eventually(t, "the end", func() bool {
				end() // the answer may be here before the connection is idle
				return s.Counters().Open == 0
			})
			_, err := c.r.ReadByte()
			require.Equal(t, io.EOF, err)
			require.EqualValues(t, 21, tap.lastRecord()[0])
		}
	})
}

// tapped keeps what the server sends.
type tapped struct {
	net.Conn
	in []byte
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in = append(c.in, p[:n]...)
	return n, err
}

func (c *tapped) lastRecord() (last []byte) {
	for in := c.in; len(in) >= 5; {
		n := 5 + int(in[3])<<8 + int(in[4])
		if len(in) < n {
			return nil
		}
		last, in = in[:n], in[n:]
	}
	return last
}

// TestPlainHTTP: who speaks HTTP to a port for HTTPS is told so.
func TestPlainHTTP(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		s := serve(t, transport, echo)
		for _, in := range []string{"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST /" + strings.Repeat("x", 100_000)} {
			c := s.raw(t)
			go io.WriteString(c, in)
			b, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", string(b))
		}
		c := s.raw(t)
		io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
		b, _ := io.ReadAll(c)
		require.NotContains(t, string(b), "HTTP")
		eventually(t, "three lines", func() bool { return s.Counters().HandshakesFailed == 3 })
		require.Contains(t, s.logged(), "client sent an HTTP request to an HTTPS server")
		require.Contains(t, s.logged(), "first record does not look like a TLS handshake")
	})
}

// TestPanickingCallback: a callback that panics ends one connection.
func TestPanickingCallback(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		s := serve(t, transport, echo, func(es *engine.Server) {
			es.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.ServerName == "bad.example" {
					panic("no")
				}
				return nil, nil
			}
		})
		_, err := s.dial(t, func(c *tls.Config) { c.ServerName = "bad.example" }).get("/")
		require.Error(t, err)
		require.Equal(t, "/x", must(t)(s.dial(t).get("/x")))
		require.Regexp(t, "^http: panic serving 127.0.0.1:[0-9]+: no\ngoroutine ", s.logged())
	})
}

// TestLargeBodies: up, down, and both at the same time.
func TestLargeBodies(t *testing.T) {
	versions(t, func(t *testing.T, transport string, version func(*tls.Config)) {
		const size = 3 << 20
		body := strings.Repeat("0123456789abcdef", size/16)
		s := serve(t, transport, func(x *engine.Exchange) {
			switch path(x) {
			case "/echo":
				echo(x)
			case "/flush":
				x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)...))
				x.Flush([]byte(body[:size/2]), []byte(body[size/2:]))
			case "/stream":
				x.SetOut(append(x.Out(), fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)...))
				buf := make([]byte, 50_000)
				for {
					n, err := x.ReadBody(buf)
					if x.Flush(buf[:n]) != nil || err != nil {
						return
					}
				}
			}
		})
		c := s.dial(t, version)
		for _, p := range []string{"/echo", "/flush", "/stream", "/echo"} {
			go fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", p, size, body)
			got := must(t)(c.answer())
			got = strings.TrimPrefix(got, p)
			require.True(t, got == body, "%s: %d bytes", p, len(got))
			if p == "/flush" { // it has not read the body
				c = s.dial(t, version)
			}
		}
	})
}

// TestDeadlines: a first head that does not come after the handshake, and a connection that idles.
func TestDeadlines(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		const short = 400 * time.Millisecond // more than a machine stands still, for the second head must come in time
		s := serve(t, transport, echo, func(es *engine.Server) {
			es.ReadHeaderTimeout, es.IdleTimeout, es.HandshakeTimeout = short, short, patience
		})
		c := s.dial(t)
		require.NoError(t, c.Handshake())
		_, err := c.r.ReadByte()
		require.Equal(t, io.EOF, err)
		c = s.dial(t)
		require.Equal(t, "/x", must(t)(c.get("/x")))
		_, err = c.r.ReadByte()
		require.Equal(t, io.EOF, err)
	})
}
