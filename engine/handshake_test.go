package engine_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// ownTLS is a configuration with a certificate that nobody has to trust, which offers protos.
func ownTLS(t *testing.T, protos ...string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: protos}
}

// Connections with a TLS of their own go to whom they have agreed on, and that is known before they speak.
func TestForeignTLS(t *testing.T) {
	type contextKey struct{}
	logged := make(chan string, 1)
	s := &engine.Server{
		Handler: handlerFunc(func(x *engine.Exchange) {
			state := x.Conn().TLS()
			body := fmt.Sprint(state.NegotiatedProtocol, " ", state == x.Conn().TLS())
			x.SetOut(fmt.Appendf(x.Out(), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
			x.SetClose(false)
		}),
		NextProto: func(proto string) func(*engine.Conn, *tls.Conn) {
			if proto != "greets" {
				return nil
			}
			return func(c *engine.Conn, nc *tls.Conn) {
				fmt.Fprint(nc, "hello ", c.Value())
				nc.Close()
			}
		},
		TLSContext: func(*engine.Conn) context.Context {
			return context.WithValue(context.Background(), contextKey{}, "context")
		},
		Hooks:            engine.Hooks{Opened: func(c *engine.Conn) { c.SetValue("value") }},
		HandshakeTimeout: time.Second,
		Logf:             func(format string, args ...any) { logged <- fmt.Sprintf(format, args...) },
	}
	config := ownTLS(t, "greets", "deaf", "http/1.1")
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.Context().Value(contextKey{}) != "context" {
			return nil, errors.New("no context")
		}
		if h.ServerName == "bad.example" {
			panic("bad name")
		}
		return nil, nil
	}
	l := listen(t)
	served := make(chan error)
	go func() { served <- s.Serve(tls.NewListener(l, config)) }()

	speak := func(proto string) string {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{proto}})
		require.NoError(t, err)
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if proto != "greets" {
			io.WriteString(c, request)
		}
		answer, err := io.ReadAll(c)
		if proto != "deaf" { // whose request has not been read
			require.NoError(t, err)
		}
		return string(answer)
	}
	require.Equal(t, "hello value", speak("greets"))
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nhttp/1.1 true", speak("http/1.1"))
	require.Empty(t, speak("deaf"))

	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	io.WriteString(c, request)
	answer, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", string(answer))
	require.Equal(t, fmt.Sprintf("http: TLS handshake error from %s: client sent an HTTP request to an HTTPS server", c.LocalAddr()), <-logged)
	c.Close()

	c, err = net.Dial("tcp", l.Addr().String()) // and says nothing
	require.NoError(t, err)
	_, err = io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, <-logged, "i/o timeout")
	c.Close()

	_, err = tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: "bad.example"})
	require.Error(t, err)
	require.Contains(t, <-logged, ": bad name\ngoroutine ")

	require.NoError(t, s.Shutdown(context.Background()))
	<-served
	counters := s.Counters()
	require.Equal(t, []uint64{6, 0, 1, 3}, []uint64{counters.Accepted, counters.Open, counters.Hijacked, counters.HandshakesFailed})
}
