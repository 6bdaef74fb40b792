package processes

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Workers broadcast through their master: a socket to it, on which frames go both ways. The master gives each frame, as
// it is, to all other processes that have joined, a master that takes over included, which has workers of its own.
//
//	length of the rest  4 bytes, big-endian; 0 for the frame by which a process joins, and nothing follows
//	kind                1
//	length of channel   1
//	length of name      2
//	channel, name, data

const (
	frameLength = 4
	frameHead   = 4 // behind the length
)

// appendFrame appends a frame. What does not fit into one is refused.
func appendFrame(to []byte, channel, name string, kind byte, data []byte) ([]byte, bool) {
	size := frameHead + len(channel) + len(name) + len(data)
	if len(channel) > 0xff || len(name) > 0xffff || size > broadcastMax {
		return to, false
	}
	to = binary.BigEndian.AppendUint32(to, uint32(size))
	to = append(to, kind, byte(len(channel)))
	to = binary.BigEndian.AppendUint16(to, uint16(len(name)))
	to = append(append(to, channel...), name...)
	return append(to, data...), true
}

// readFrame reads a frame, with its length. It is new memory: several queues will have it.
func readFrame(from *bufio.Reader) ([]byte, error) {
	length, err := from.Peek(frameLength)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size > broadcastMax || size > 0 && size < frameHead {
		return nil, fmt.Errorf("processes: a broadcast of %d bytes: want at most %d", size, broadcastMax)
	}
	frame := make([]byte, frameLength+size)
	_, err = io.ReadFull(from, frame)
	return frame, err
}

// parseFrame takes a frame apart. All parts are views into it, which nobody changes.
func parseFrame(frame []byte) (channel, name []byte, kind byte, data []byte, ok bool) {
	rest := frame[frameLength:]
	if len(rest) < frameHead {
		return nil, nil, 0, nil, false
	}
	kind, c, n := rest[0], int(rest[1]), int(binary.BigEndian.Uint16(rest[2:]))
	if rest = rest[frameHead:]; len(rest) < c+n {
		return nil, nil, 0, nil, false
	}
	return rest[:c], rest[c : c+n], kind, rest[c+n:], true
}

// outbox is what waits to be written to one process. A process that is too slow does not make others wait: what would
// take the outbox above broadcastBacklogMax is dropped, and counted.
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
	if b.closed || b.size+len(frame) > broadcastBacklogMax {
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

// radio is a worker's way to the other workers.
type radio struct {
	out *outbox

	mu       sync.Mutex
	joined   bool
	channels map[string]func(name string, kind byte, data []byte)
}

// newRadio takes over the socket to the master.
func newRadio(f *os.File) (*radio, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("processes: socket for broadcasts: %w", err)
	}
	return &radio{out: newOutbox(conn), channels: map[string]func(string, byte, []byte){}}, nil
}

// Join has receive called with what the program's other worker processes send on a channel, also those of a generation
// before or after: one message at a time, those of one worker in their order; data is valid until receive returns. While
// it does not return, messages wait; what waits for a worker and what waits to be sent by one is bounded by 16 MiB each,
// and what does not fit is dropped and counted (Status).
//
// The returned function sends to the others; it does not block, keeps nothing of data, and reports whether the message was
// not dropped. A message has up to 16 MiB, a name up to 65,535 bytes, a channel's name up to 255. To whom it comes
// is not known: a worker that starts later, or is cut meanwhile, does not get it. Who joins a channel again takes the
// place of who did before. Without a master there is nobody else, and sending does nothing.
func (w *Worker) Join(channel string, receive func(name string, kind byte, data []byte)) (send func(name string, kind byte, data []byte) bool) {
	r := w.radio
	if r == nil {
		return func(string, byte, []byte) bool { return true }
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels[channel] = receive
	if !r.joined {
		r.joined = true
		r.out.put(make([]byte, frameLength))
		go r.receive()
	}
	return func(name string, kind byte, data []byte) bool {
		frame, ok := appendFrame(make([]byte, 0, frameLength+frameHead+len(channel)+len(name)+len(data)), channel, name, kind, data)
		if !ok {
			r.out.drop()
			return false
		}
		return r.out.put(frame)
	}
}

// receive hands out what comes until the master's end of the socket is closed.
func (r *radio) receive() {
	for in := bufio.NewReaderSize(r.out.conn, broadcastBuffer); ; {
		frame, err := readFrame(in)
		if err != nil {
			return
		}
		channel, name, kind, data, ok := parseFrame(frame)
		if !ok {
			continue
		}
		r.mu.Lock()
		f := r.channels[string(channel)]
		r.mu.Unlock()
		if f != nil {
			f(string(name), kind, data)
		}
	}
}
