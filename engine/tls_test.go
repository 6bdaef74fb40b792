package engine

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate returns one for localhost, signed by itself.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type tlsHandler func(x *Exchange)

func (h tlsHandler) ServeExchange(x *Exchange) { h(x) }

// TestTLS: requests over TLS, and what a handler is told of it.
func TestTLS(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		t.Run("transport "+transport, func(t *testing.T) {
			s := &Server{Transport: transport, TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"http/1.1"}},
				Handler: tlsHandler(func(x *Exchange) {
					state := x.Conn().TLS()
					require.Same(t, state, x.Conn().TLS())
					x.SetOut(append(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"+state.NegotiatedProtocol...))
				})}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }()
			defer func() {
				s.Close()
				<-done
			}()
			c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
			require.NoError(t, err)
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			want := "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhttp/1.1"
			for range 3 {
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
				b := make([]byte, len(want))
				_, err = io.ReadFull(c, b)
				require.NoError(t, err)
				require.Equal(t, want, string(b))
			}
		})
	}
}

// TestNextProto: another protocol gets the connection, or nobody does.
func TestNextProto(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		t.Run("transport "+transport, func(t *testing.T) {
			s := &Server{Transport: transport, TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"echo", "none"}},
				Handler: tlsHandler(func(x *Exchange) {}),
				NextProto: func(proto string) func(*Conn, *tls.Conn) {
					if proto != "echo" {
						return nil
					}
					return func(c *Conn, nc *tls.Conn) {
						io.WriteString(nc, nc.RemoteAddr().String()+" "+c.TLS().NegotiatedProtocol+" ")
						io.Copy(nc, nc)
						nc.Close()
					}
				}}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }()
			defer func() {
				s.Close()
				<-done
			}()
			dial := func(proto string) *tls.Conn {
				c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto}})
				require.NoError(t, err)
				t.Cleanup(func() { c.Close() })
				c.SetDeadline(time.Now().Add(20 * time.Second))
				return c
			}
			c := dial("echo")
			io.WriteString(c, strings.Repeat("0123456789", 10000))
			c.CloseWrite()
			b, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, c.LocalAddr().String()+" echo "+strings.Repeat("0123456789", 10000), string(b))

			b, err = io.ReadAll(dial("none"))
			require.NoError(t, err)
			require.Empty(t, b)
		})
	}
}

// TestStalledHandshakeAtShutdown: one that stands still is not waited for as long as its peer likes.
func TestStalledHandshakeAtShutdown(t *testing.T) {
	for _, transport := range []string{"", "portable"} {
		t.Run("transport "+transport, func(t *testing.T) {
			t.Parallel() // it takes freshIdleAfter
			begun := make(chan bool, 1)
			s := &Server{Transport: transport, Handler: tlsHandler(func(*Exchange) {}), TLS: &tls.Config{
				GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
					begun <- true
					return nil, nil
				},
				Certificates: []tls.Certificate{certificate(t)},
			}}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- s.Serve(l) }()
			ours, theirs := net.Pipe()
			go tls.Client(ours, &tls.Config{InsecureSkipVerify: true}).Handshake()
			hello := make([]byte, 16<<10)
			n, err := theirs.Read(hello)
			require.NoError(t, err)
			theirs.Close()
			c, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer c.Close()
			c.Write(hello[:n])
			<-begun
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			require.NoError(t, s.Shutdown(ctx))
			<-done
			require.Equal(t, []uint64{0, 1}, []uint64{s.Counters().Open, s.Counters().HandshakesFailed})
		})
	}
}
