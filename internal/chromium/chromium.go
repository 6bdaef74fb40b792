// Package chromium runs a headless browser for tests.
//
// It is looked for under the names that distributions give it, and a test that has none is skipped, loudly: .ci/run installs
// one. The browser has a profile of its own, which ends with the test.
//
// Invariant: it is pointed at pages of the test alone, so it does without its sandbox, whose kernel features are missing in
// containers and which root may not use.
package chromium

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Command returns a command that runs the browser with further arguments, the last of which is the page's URL. ctx ends it.
// Without a browser the test is skipped.
func Command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			cmd := exec.CommandContext(ctx, path, append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
				"--no-first-run", "--user-data-dir=" + t.TempDir()}, args...)...)
			cmd.WaitDelay = 5 * time.Second // its children may hold its output open when it has been killed
			return cmd
		}
	}
	t.Skip("SKIPPED: no Chromium here; nothing is tried in a browser")
	return nil
}

// requests is how many requests Page makes at once.
const requests = 40

// Page is a document for RequireHTTP2. It sends bodies to /echo, all at once, and writes down what comes back, and by which
// protocols.
const Page = `<!DOCTYPE html><title>?</title><ol></ol><script>
(async () => {
	const say = text => document.querySelector("ol").append(text, ";")
	say(performance.getEntriesByType("navigation")[0].nextHopProtocol)
	const bodies = await Promise.all([...Array(40).keys()].map(async i => (await fetch("/echo", {method: "POST", body: "n" + i})).text()))
	say(bodies.join())
	say([...new Set(performance.getEntriesByType("resource").map(e => e.nextHopProtocol))].join())
})()
</script>`

// RequireHTTP2 has the browser load url, which must be answered with Page, and requires that all of its requests are answered
// over HTTP/2, whatever the certificate. It waits for at most patience.
func RequireHTTP2(t *testing.T, url string, patience time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dom, err := Command(ctx, t, "--ignore-certificate-errors", "--virtual-time-budget=10000", "--dump-dom", url).Output()
	require.NoError(t, err)
	bodies := make([]string, requests)
	for i := range bodies {
		bodies[i] = fmt.Sprint("n", i)
	}
	require.Contains(t, string(dom), "<ol>h2;"+strings.Join(bodies, ",")+";h2;</ol>")
}
