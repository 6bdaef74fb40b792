package handed

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A connection that is handed over is served with the context that comes with it, until the server has ended.
func TestServe(t *testing.T) {
	type key struct{}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Context().Value(key{}).(string))
	})}
	require.NoError(t, Prepare(s, false))
	for _, value := range []string{"first", "second"} {
		ours, theirs := net.Pipe()
		require.True(t, Serve(context.WithValue(context.Background(), key{}, value), s, theirs))
		go io.WriteString(ours, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(ours), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, value, string(body))
		ours.Close()
	}
	require.NoError(t, s.Shutdown(context.Background()))
	ours, theirs := net.Pipe()
	require.False(t, Serve(context.Background(), s, theirs))
	go io.WriteString(theirs, "!") // it has not been closed
	_, err := io.ReadFull(ours, make([]byte, 1))
	require.NoError(t, err)
}

// Prepare makes a server speak HTTP/2 by net/http's rules, and finds what net/http finds.
func TestPrepare(t *testing.T) {
	for _, tt := range []struct {
		overTLS bool
		config  *tls.Config
		speaks  bool
	}{
		{false, nil, true}, // there may be TLS that it does not know of
		{false, new(tls.Config), false},
		{false, &tls.Config{NextProtos: []string{"h2"}}, true},
		{true, nil, true},
		{true, new(tls.Config), true},
	} {
		s := &http.Server{TLSConfig: tt.config}
		require.NoError(t, Prepare(s, tt.overTLS))
		require.Equal(t, tt.speaks, s.TLSNextProto["h2"] != nil, "%+v", tt)
	}
	bad := &http.Server{TLSConfig: &tls.Config{CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}}
	require.ErrorContains(t, Prepare(bad, true), "CipherSuites")
}

func TestOriginal(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	require.Equal(t, a, Original(a))
	require.Equal(t, a, Original(wrapped{a}))
	c := tls.Server(a, nil)
	require.Equal(t, net.Conn(c), Original(c))
}

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }
