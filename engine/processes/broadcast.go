package processes

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sync"
)

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
// it does not return, messages wait, up to BroadcastBacklogMax; what does not fit is dropped, and counted in
// Status.Dropped.
//
// The returned function sends to the others; it does not block, keeps nothing of data, and reports whether the message was
// not dropped. A message has up to BroadcastMax bytes, a name up to 65,535 bytes, a channel's name up to 255. To whom it comes
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
