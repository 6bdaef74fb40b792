package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// identity is what the two sides of a test with TLS are configured with.
type identity struct{ server, client *tls.Config }

func newIdentity(t *testing.T) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &identity{
		server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		client: &tls.Config{RootCAs: roots, ServerName: "localhost"},
	}
}

// secured is a client's side of TLS. It ends its side as most clients do: with close_notify and of the socket.
type secured struct {
	*tls.Conn
	socket net.Conn
}

func (c secured) CloseWrite() error {
	if err := c.Conn.Handshake(); err != nil {
		return err
	}
	if err := c.Conn.CloseWrite(); err != nil {
		return err
	}
	return c.socket.(interface{ CloseWrite() error }).CloseWrite()
}
