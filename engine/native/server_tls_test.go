package native

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pairFiles writes a certificate for 127.0.0.1 and its key.
func pairFiles(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(cert, certPEM, 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	roots = x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(certPEM))
	return cert, key, roots
}

// TestServeTLS: one server, with and without TLS.
func TestServeTLS(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		cert, key, roots := pairFiles(t)
		rt := NewRouter()
		rt.Handle("GET /{$}", func(w *Response, _ *Request) error {
			_, err := w.WriteString("hello")
			return err
		})
		a := serve(t, transport, rt)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- a.ServeTLS(l, cert, key) }()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
		defer client.CloseIdleConnections()
		for _, url := range []string{"http://" + a.addr, "https://" + l.Addr().String()} {
			for range 2 {
				resp, err := client.Get(url)
				require.NoError(t, err)
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				require.NoError(t, err)
				require.Equal(t, "hello", string(b))
			}
		}
		require.NoError(t, a.Shutdown(t.Context()))
		require.ErrorIs(t, await(t, done, "ServeTLS to return"), ErrServerClosed)
	})
}

// TestServeTLSFiles: what is wrong with a file is said with its name.
func TestServeTLSFiles(t *testing.T) {
	cert, key, _ := pairFiles(t)
	_, other, _ := pairFiles(t)
	for _, tt := range []struct{ cert, key, names string }{
		{"/nowhere/cert.pem", key, "/nowhere/cert.pem"},
		{cert, "/nowhere/key.pem", "/nowhere/key.pem"},
		{cert, other, other},
		{key, cert, key},
		{"", "", "no certificate"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := &Server{Router: NewRouter()}
		require.ErrorContains(t, s.ServeTLS(l, tt.cert, tt.key), tt.names)
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorContains(t, s.ListenAndServeTLS(tt.cert, tt.key), tt.names)
	}
}
