package proxy

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// journal writes a line for each connection that is refused, unless there are too many: whoever can connect could fill
// the disk otherwise.
type journal struct {
	log *slog.Logger

	mu      sync.Mutex // guards the following
	until   time.Time  // when the window ends
	lines   int        // written in it
	skipped int        // not written since the last line
}

func (j *journal) line(peer net.Addr, why error, now time.Time) {
	j.mu.Lock()
	if now.After(j.until) {
		j.until, j.lines = now.Add(logWindow), 0
	}
	if j.lines == logLines {
		j.skipped++
		j.mu.Unlock()
		return
	}
	j.lines++
	skipped := j.skipped
	j.skipped = 0
	j.mu.Unlock()
	remote := "unknown" // of a peer that had gone before anybody asked
	if peer != nil {
		remote = peer.String()
	}
	j.log.Warn("proxy: connection refused", "error", why, "remote", remote, "skipped", skipped)
}
