package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	theirs "github.com/lesismal/llib/std/crypto/tls"
)

// identity is a certificate that a server has made for itself, of an ECDSA key on P-256, and its key, in PEM. Our load takes
// any certificate.
type identity struct{ cert, key []byte }

// identityLife is longer than a benchmark is left running.
const identityLife = 365 * 24 * time.Hour

func newIdentity() (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "bench serve"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(identityLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}

// config is the TLS configuration of a server; nil where it is to have no TLS.
func (id *identity) config() (*tls.Config, error) {
	if id == nil {
		return nil, nil
	}
	cert, err := tls.X509KeyPair(id.cert, id.key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

// nbioConfig is the same for nbio, whose crypto/tls is one of its own.
func (id *identity) nbioConfig() (*theirs.Config, error) {
	if id == nil {
		return nil, nil
	}
	cert, err := theirs.X509KeyPair(id.cert, id.key)
	if err != nil {
		return nil, err
	}
	return &theirs.Config{Certificates: []theirs.Certificate{cert}}, nil
}

// overTLS has a server speak TLS in its own way, or else by a listener that does.
type overTLS struct {
	Server
	config *tls.Config
}

func (s overTLS) Serve(l net.Listener) error {
	if own, ok := s.Server.(interface {
		ServeTLS(l net.Listener, certFile, keyFile string) error
	}); ok {
		return own.ServeTLS(l, "", "")
	}
	return s.Server.Serve(tls.NewListener(l, s.config))
}
