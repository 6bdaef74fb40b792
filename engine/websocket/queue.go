package websocket

import (
	"sync"

	"github.com/peregrine-http/peregrine/wsproto"
)

// queue is what waits to be sent on a connection, in order. A connection has one only while something waits.
type queue struct {
	frames []frame
	held   []frame // messages that wait for the end of one that is sent in fragments
	size   int     // bytes of all of them
	count  int     // messages among them
	chunk  []byte  // where frames of the connection's own lie, back to back
	vec    [][]byte
	room   chan struct{} // closed when whoever waits for room should look again

	heldSize int // bytes of held
}

// frame is header and payload. Its bytes are not written to again, and may belong to many connections.
type frame struct {
	b       []byte
	message bool // a whole message, which can be dropped; otherwise a fragment, or a control frame
	begun   bool // a part of it has been sent
}

var queues = sync.Pool{New: func() any { return &queue{chunk: make([]byte, 0, chunkSize), vec: make([][]byte, 0, vecMax)} }}

// free gives an empty queue back.
func (q *queue) free() {
	clear(q.frames)
	clear(q.held)
	q.frames, q.held, q.size, q.heldSize, q.count, q.room = q.frames[:0], q.held[:0], 0, 0, 0, nil
	if cap(q.chunk) > chunkKeep {
		q.chunk = nil
	}
	q.chunk = q.chunk[:0]
	if cap(q.frames) <= framesKeep && cap(q.held) <= framesKeep {
		queues.Put(q)
	}
}

// space returns a chunk with room for a message of n bytes and its header. What lies in the one before stays there until
// it has been sent.
func (q *queue) space(n int) []byte {
	if cap(q.chunk)-len(q.chunk) < n+wsproto.HeaderBytesMax {
		q.chunk = make([]byte, 0, max(chunkSize, n+wsproto.HeaderBytesMax))
	}
	return q.chunk
}

// filled says that from some place on the chunk is b now, and returns what has been added.
func (q *queue) filled(b []byte) []byte {
	from := len(q.chunk)
	q.chunk = b
	return b[from:]
}

// push puts a frame behind the others; hold has it wait with those that must wait.
func (q *queue) push(f frame, hold bool) {
	q.size += len(f.b)
	if f.message {
		q.count++
	}
	if hold {
		q.held = append(q.held, f)
		q.heldSize += len(f.b)
	} else {
		q.frames = append(q.frames, f)
	}
}

// unhold puts those that have waited behind the others.
func (q *queue) unhold() {
	q.frames = append(q.frames, q.held...)
	clear(q.held)
	q.held, q.heldSize = q.held[:0], 0
}

// loose returns how many frames are not messages, but fragments or control frames.
func (q *queue) loose() int { return len(q.frames) + len(q.held) - q.count }

// dropHeld drops those that have waited, and returns how many that was.
func (q *queue) dropHeld() (messages int) {
	messages = len(q.held)
	q.size -= q.heldSize
	q.count -= messages
	clear(q.held)
	q.held, q.heldSize = q.held[:0], 0
	return messages
}

// next returns what the kernel may be given now: slices that are used up by the call. Frames that lie behind each other in a
// chunk are one of them.
func (q *queue) next() (vec [][]byte, size int) {
	vec = q.vec[:0]
	for _, f := range q.frames {
		if last := len(vec) - 1; last >= 0 && follows(vec[last], f.b) {
			vec[last] = vec[last][:len(vec[last])+len(f.b)]
		} else if len(vec) < vecMax {
			vec = append(vec, f.b)
		} else {
			break
		}
		size += len(f.b)
	}
	return vec, size
}

// follows reports whether b lies right behind a, in what a was cut from.
func follows(a, b []byte) bool {
	return cap(a)-len(a) >= len(b) && &a[:len(a)+1][len(a)] == &b[0]
}

// sent takes n bytes off the front.
func (q *queue) sent(n int) {
	q.size -= n
	k := 0
	for n > 0 {
		f := &q.frames[k]
		if n < len(f.b) {
			f.b, f.begun = f.b[n:], true
			break
		}
		n -= len(f.b)
		if f.message {
			q.count--
		}
		k++
	}
	q.remove(0, k)
}

func (q *queue) remove(from, to int) {
	rest := from + copy(q.frames[from:], q.frames[to:])
	clear(q.frames[rest:])
	q.frames = q.frames[:rest]
}

// dropOldest drops the oldest whole message that has not begun to leave. It reports false if there is none.
func (q *queue) dropOldest() bool {
	for i := range q.frames {
		if f := &q.frames[i]; f.message && !f.begun {
			q.size -= len(f.b)
			q.count--
			q.remove(i, i+1)
			return true
		}
	}
	if len(q.held) == 0 {
		return false
	}
	q.size -= len(q.held[0].b)
	q.heldSize -= len(q.held[0].b)
	q.count--
	rest := copy(q.held, q.held[1:])
	clear(q.held[rest:])
	q.held = q.held[:rest]
	return true
}

// dropAll drops everything but a frame that has begun to leave, and returns how many messages that was.
func (q *queue) dropAll() (messages int) {
	before := q.count
	keep := 0
	if len(q.frames) > 0 && q.frames[0].begun {
		keep = 1
	}
	q.remove(keep, len(q.frames))
	q.dropHeld()
	q.size, q.count = 0, 0
	for _, f := range q.frames {
		q.size += len(f.b)
		if f.message {
			q.count++
		}
	}
	return before - q.count
}
