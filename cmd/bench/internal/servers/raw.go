package servers

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
)

// A raw server reads no request and parses nothing: it counts where heads end, and gives each the answer to /plaintext.
// What it costs is what reading, writing and waiting cost; what another server costs beyond that is its own.

var endOfHead = []byte("\r\n\r\n")

// heads counts the heads that end in p, and returns where the last of them does.
func heads(p []byte) (n, end int) {
	for {
		i := bytes.Index(p[end:], endOfHead)
		if i < 0 {
			return n, end
		}
		n, end = n+1, end+i+len(endOfHead)
	}
}

// loopCount is the number of loops that -loops asks for.
func loopCount(o Options) (int, error) {
	switch {
	case o.Loops < 0:
		return 0, fmt.Errorf("-loops %d: want 1 or more, or 0 for one per CPU", o.Loops)
	case o.Loops == 0:
		return runtime.GOMAXPROCS(0), nil
	}
	return o.Loops, nil
}

// fixed is the answer of a raw server: the bytes that the others send for /plaintext, with the Date made once a second.
type fixed struct {
	answer atomic.Pointer[[]byte]
	stop   chan struct{}
}

func newFixed() *fixed {
	f := &fixed{stop: make(chan struct{})}
	f.make()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-f.stop:
				return
			case <-tick.C:
				f.make()
			}
		}
	}()
	return f
}

func (f *fixed) make() {
	b := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s",
		time.Now().UTC().Format(http.TimeFormat), len(Plaintext), Plaintext)
	f.answer.Store(&b)
}

// bytes returns the answer of this second. Nobody may write to it; it stays what it is.
func (f *fixed) bytes() []byte { return *f.answer.Load() }

// close ends the making of new ones.
func (f *fixed) close() { close(f.stop) }
