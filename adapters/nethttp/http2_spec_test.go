package nethttp_test

import (
	"encoding/xml"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// What h2spec (github.com/summerwind/h2spec, version 2.6) finds wrong with us it finds wrong with net/http, too: its 146
// cases of RFC 7540 and RFC 7541, over TLS and by prior knowledge.
func TestH2Spec(t *testing.T) {
	h2spec, err := exec.LookPath("h2spec")
	if err != nil {
		t.Skip("SKIPPED: no h2spec here; HTTP/2 is not judged by it")
	}
	for _, mode := range []struct {
		name  string
		args  []string
		serve func(s server, l net.Listener, cert, key string) error
	}{
		{"tls", []string{"-t", "-k"}, func(s server, l net.Listener, cert, key string) error {
			return s.(interface {
				ServeTLS(l net.Listener, cert, key string) error
			}).ServeTLS(l, cert, key)
		}},
		{"prior knowledge", nil, func(s server, l net.Listener, cert, key string) error { return s.Serve(l) }},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			cert, key := certificate(t)
			failures := func(s server) []string {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				served := make(chan error, 1)
				go func() { served <- mode.serve(s, l, cert, key) }()
				defer func() {
					s.Close()
					require.Equal(t, http.ErrServerClosed, <-served)
				}()
				_, port, _ := net.SplitHostPort(l.Addr().String())
				report := filepath.Join(t.TempDir(), "report.xml")
				out, err := exec.Command(h2spec, append(mode.args, "-h", "127.0.0.1", "-p", port, "-j", report)...).CombinedOutput()
				if _, failed := err.(*exec.ExitError); err != nil && !failed {
					require.NoError(t, err, "%s", out)
				}
				return h2specFailures(t, report)
			}
			theirs := failures(http2Server(new(http.Server)))
			for _, f := range failures(http2Server(new(nethttp.Server))) {
				require.Contains(t, theirs, f)
			}
		})
	}
}

var quiet = log.New(io.Discard, "", 0)

// http2Server fills in a server of either kind with a handler and all of HTTP.
func http2Server[S http.Server | nethttp.Server](s *S) server {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // an answer before the body's end would race with what is wrong about the body
		io.WriteString(w, strings.Repeat("hello", 100))
	})
	switch s := any(s).(type) {
	case *http.Server:
		s.Handler, s.Protocols, s.ErrorLog = h, p, quiet
		return s
	case *nethttp.Server:
		s.Handler, s.Protocols, s.ErrorLog = h, p, quiet
		return s
	}
	panic("neither")
}

// h2specFailures reads a report. It has all cases, or the run was none.
func h2specFailures(t *testing.T, report string) (failures []string) {
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	var suites struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Class   string    `xml:"classname,attr"`
				Name    string    `xml:"package,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(text, &suites))
	cases := 0
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			cases++
			if c.Failure != nil || c.Error != nil {
				failures = append(failures, c.Name+": "+c.Class)
			}
		}
	}
	require.Greater(t, cases, 140)
	t.Logf("%d cases, failed: %q", cases, failures)
	return failures
}
