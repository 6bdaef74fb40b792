package overtls_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

// sClient runs openssl s_client with what say writes to it, and returns all that it has printed.
func sClient(t *testing.T, s *server, say func(stdin io.Writer, answered func(string)), args ...string) string {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("SKIPPED: no openssl here; TLS is not tried with it")
	}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.ca.cert.Raw}), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args = append([]string{"s_client", "-connect", s.addr, "-servername", "localhost", "-CAfile", roots, "-verify_return_error"}, args...)
	cmd := exec.CommandContext(ctx, openssl, args...)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out := new(growing)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	seen := 0
	say(in, func(want string) { // after what has been seen before
		t.Helper()
		defer func() {
			if t.Failed() {
				t.Log(out.String())
			}
		}()
		eventually(t, want, func() bool {
			before, _, ok := strings.Cut(out.String()[seen:], want)
			if ok {
				seen += len(before) + len(want)
			}
			return ok
		})
	})
	in.Close()
	cmd.Wait() // its status says how the connection ended, not whether all was well
	require.NoError(t, ctx.Err(), out.String())
	return out.String()
}

// TestOpenSSL: the other implementation, in both versions.
func TestOpenSSL(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		people := newAuthority(t)
		s := serve(t, transport, func(x *engine.Exchange) {
			st := x.Conn().TLS()
			who := ""
			if len(st.PeerCertificates) > 0 {
				who = st.PeerCertificates[0].DNSNames[0]
			}
			reply(x, fmt.Sprintf("<%s %s %s %v>", path(x), st.NegotiatedProtocol, who, st.DidResume))
		}, func(es *engine.Server) {
			es.TLS.ClientAuth, es.TLS.ClientCAs = tls.VerifyClientCertIfGiven, people.pool
		})
		get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }
		ask := func(in io.Writer, answered func(string)) {
			io.WriteString(in, get("/a"))
			answered("</a ")
			io.WriteString(in, get("/b"))
			answered("</b ")
			io.WriteString(in, "GET /c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			answered("</c ")
			answered("closed")
		}
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			t.Run(version, func(t *testing.T) {
				dir := t.TempDir()
				out := sClient(t, s, ask, version, "-alpn", "h2,http/1.1")
				require.Contains(t, out, "Verify return code: 0 (ok)")
				require.Contains(t, out, "ALPN protocol: http/1.1")
				require.Contains(t, out, "</a http/1.1  false>")
				require.NotContains(t, out, "unexpected eof", "close_notify came")

				session := filepath.Join(dir, "session")
				sClient(t, s, ask, version, "-sess_out", session)
				require.Contains(t, sClient(t, s, ask, version, "-sess_in", session), "</b   true>")

				me := people.sign(t, "me")
				cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
				der, err := x509.MarshalPKCS8PrivateKey(me.PrivateKey)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: me.Certificate[0]}), 0o600))
				require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
				require.Contains(t, sClient(t, s, ask, version, "-cert", cert, "-key", key), "</a  me false>")

				// Records of 512 bytes, and a handshake that OpenSSL cuts too.
				require.Contains(t, sClient(t, s, ask, version, "-max_send_frag", "512"), "</a ")
				require.Contains(t, sClient(t, s, func(io.Writer, func(string)) {}, version, "-alpn", "spdy"), "no application protocol")
			})
		}
		t.Run("key update", func(t *testing.T) {
			sClient(t, s, func(in io.Writer, answered func(string)) {
				io.WriteString(in, get("/1"))
				answered("</1 ")
				for i, update := range []string{"K", "k", "K", "K"} { // with a wish for ours, without, ...
					io.WriteString(in, update+"\n")
					answered("KEYUPDATE")
					path := fmt.Sprintf("/%d", i+2)
					io.WriteString(in, get(path))
					answered("<" + path + " ")
				}
			}, "-tls1_3")
		})
	})
}

// growing is a buffer that is read while it is written.
type growing struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}
