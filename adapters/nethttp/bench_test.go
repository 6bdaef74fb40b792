package nethttp_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func plaintext() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/plaintext", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(helloWorld)
	})
	mux.HandleFunc("/other", func(http.ResponseWriter, *http.Request) {})
	return mux
}

var helloWorld = []byte("Hello, World!")

const (
	plainRequest = "GET /plaintext HTTP/1.1\r\nHost: server\r\n\r\n"
	// What a browser sends.
	browserRequest = "GET /plaintext HTTP/1.1\r\nHost: server\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20130501 Firefox/30.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nCookie: uid=12345678901234567890; b=c\r\n\r\n"
)

// asker sends the same requests over and over without allocating.
type asker struct {
	conn     net.Conn
	requests []byte
	answers  []byte
}

func ask(t testing.TB, addr, request string, pipelined int) *asker {
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	a := &asker{conn: c, requests: bytes.Repeat([]byte(request), pipelined)}
	c.Write([]byte(request))
	buf := make([]byte, 4096)
	n := 0
	for !bytes.Contains(buf[:n], helloWorld) {
		m, err := c.Read(buf[n:])
		require.NoError(t, err)
		n += m
	}
	a.answers = make([]byte, n*pipelined)
	return a
}

func (a *asker) once(t testing.TB) {
	a.conn.Write(a.requests)
	if _, err := io.ReadFull(a.conn, a.answers); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkPlaintext(b *testing.B) {
	for _, k := range kinds {
		for _, r := range []struct {
			name, text string
			pipelined  int
		}{{"plain", plainRequest, 1}, {"browser", browserRequest, 1}, {"plain16", plainRequest, 16}} {
			b.Run(k.name+"/"+r.name, func(b *testing.B) {
				a := ask(b, running(b, k.make(plaintext(), log.Default())), r.text, r.pipelined)
				b.ReportAllocs()
				for b.Loop() {
					a.once(b)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*r.pipelined), "ns/request")
			})
		}
	}
}

// A request without a body that http.ServeMux routes takes no more than six allocations: the request, its head, two for
// a map that has something in it and one for one that has not, and the handler's own for the value that it sets.
func TestAllocationBudget(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget on purpose")
	}
	for _, c := range []struct {
		name, request string
		most          float64
	}{
		{"Host alone", plainRequest, 6},
		{"a browser's fields", browserRequest, 7}, // the map of fields has something in it
	} {
		a := ask(t, running(t, kinds[1].make(plaintext(), log.Default())), c.request, 16)
		for range 100 {
			a.once(t)
		}
		const rounds = 1000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			a.once(t)
		}
		runtime.ReadMemStats(&after)
		each := float64(after.Mallocs-before.Mallocs) / (rounds * 16)
		require.LessOrEqual(t, each, c.most+0.2, c.name) // the collector, and pools that it empties
	}
}
