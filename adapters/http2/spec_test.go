package http2_test

import (
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
)

// What net/http's HTTP/2 does otherwise than h2spec (github.com/summerwind/h2spec, version 2.6) wants it, and no more: see the
// test of the same name in adapters/nethttp, which compares.
var known = []string{
	"Sends invalid connection preface",
	"Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
	"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
	"Sends a HEADERS frame that contains the connection-specific header field",
	`Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`,
}

func TestH2Spec(t *testing.T) {
	h2spec, err := exec.LookPath("h2spec")
	if err != nil {
		t.Skip("SKIPPED: no h2spec here; HTTP/2 is not judged by it")
	}
	a := run(t, &native.Server{Router: router(map[string]native.Handler{"/": func(w *native.Response, r *native.Request) error {
		io.Copy(io.Discard, r.BodyReader())
		return w.Text(200, strings.Repeat("hello", 100))
	}})}, http2.Options{})
	for addr, flags := range map[string][]string{a.plain: nil, a.secure: {"-t", "-k"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			t.Parallel() // it waits for many timeouts
			_, port, _ := net.SplitHostPort(addr)
			out, err := exec.Command(h2spec, append(flags, "-h", "127.0.0.1", "-p", port)...).CombinedOutput()
			if _, failed := err.(*exec.ExitError); !failed {
				require.NoError(t, err)
			}
			require.Contains(t, string(out), "146 tests", "it has not come to its end")
			for _, line := range regexp.MustCompile(`(?m)^\s*× \d+: (.*)$`).FindAllStringSubmatch(string(out), -1) {
				require.Contains(t, known, strings.TrimSpace(line[1]))
			}
		})
	}
}
