package nethttp_test

import (
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every cut of a conversation over a socket: the answers are those to the whole.
func TestSplit(t *testing.T) {
	const raw = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Name: value\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" +
		"3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: end\r\n\r\n" +
		"POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody" +
		"\r\nHEAD /e HTTP/1.1\r\nHost: x\r\n\r\n" + lastRequest
	for _, k := range kinds {
		addr := running(t, k.make(withLast(http.HandlerFunc(dump)), log.New(io.Discard, "", 0)))
		want := talk(t, addr, step{send: raw})
		require.Contains(t, want, `"X-T":["end"]`)
		require.Contains(t, want, "last")
		if k.name == "oracle" {
			continue // it makes up its own chunks of time
		}
		for cut := 1; cut < len(raw); cut++ {
			require.Equal(t, want, talk(t, addr, step{send: raw[:cut]}, step{send: raw[cut:]}), "cut at %d", cut)
		}
	}
}
