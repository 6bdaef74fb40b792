package processes

import (
	"net"
	"sync"
	"time"
)

// outbox is what waits to be written to one process. A process that is too slow does not make others wait: what would
// take the outbox above BroadcastBacklogMax is dropped, and counted.
type outbox struct {
	conn net.Conn

	mu      sync.Mutex
	more    sync.Cond
	frames  net.Buffers
	size    int
	writing bool
	closed  bool
	dropped uint64
}

func newOutbox(conn net.Conn) *outbox {
	b := &outbox{conn: conn}
	b.more.L = &b.mu
	go b.write()
	return b
}

// put puts a frame into the outbox, which keeps it, and reports whether it was not dropped.
func (b *outbox) put(frame []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.size+len(frame) > BroadcastBacklogMax {
		b.dropped++
		return false
	}
	b.frames, b.size = append(b.frames, frame), b.size+len(frame)
	b.more.Broadcast()
	return true
}

// drop counts what did not even get to be a frame.
func (b *outbox) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped++
}

func (b *outbox) lost() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped
}

// write writes, all that has come together by then in one call, until the outbox is closed.
func (b *outbox) write() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.frames) == 0 && !b.closed {
			b.more.Wait()
		}
		if b.closed {
			return
		}
		frames, size := b.frames, b.size
		b.frames, b.writing = nil, true
		b.mu.Unlock()
		_, err := frames.WriteTo(b.conn)
		b.mu.Lock()
		b.writing = false
		b.size -= size
		b.closed = b.closed || err != nil
		b.more.Broadcast()
	}
}

// flush waits until all has been written, but no longer than commandTimeout, and closes the outbox.
func (b *outbox) flush() {
	late := time.AfterFunc(commandTimeout, b.close)
	defer late.Stop()
	b.mu.Lock()
	for !b.closed && (len(b.frames) > 0 || b.writing) {
		b.more.Wait()
	}
	b.mu.Unlock()
	b.close()
}

func (b *outbox) close() {
	b.conn.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.frames = true, nil
	b.more.Broadcast()
}
