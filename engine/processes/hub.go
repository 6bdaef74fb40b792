package processes

import (
	"bufio"
	"net"
	"os"
	"sync"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// hub is where a master gives what one process broadcasts to the others.
type hub struct {
	mu    sync.Mutex
	peers map[*peer]bool
}

// peer is a process that a hub knows: a worker, or another master's hub.
type peer struct {
	out    *outbox
	joined bool // it wants to hear; guarded by hub.mu
}

// connect returns what a process that is going to be started should inherit.
func (h *hub) connect() (*peer, *os.File, error) {
	here, there, err := netio.Pair()
	if err != nil {
		return nil, nil, err
	}
	ours := os.NewFile(uintptr(here), "broadcasts")
	theirs := os.NewFile(uintptr(there), "broadcasts")
	p, err := h.add(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return p, theirs, nil
}

// add has a hub serve a socket.
func (h *hub) add(f *os.File) (*peer, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	p := &peer{out: newOutbox(conn)}
	h.mu.Lock()
	h.peers[p] = true
	h.mu.Unlock()
	go h.serve(p)
	return p, nil
}

// serve passes on what a process says until it ends.
func (h *hub) serve(p *peer) {
	defer h.remove(p)
	for in := bufio.NewReaderSize(p.out.conn, broadcastBuffer); ; {
		frame, err := readFrame(in)
		if err != nil {
			return
		}
		if len(frame) == frameLength {
			h.mu.Lock()
			p.joined = true
			h.mu.Unlock()
			continue
		}
		h.mu.Lock()
		for other := range h.peers {
			if other != p && other.joined {
				other.out.put(frame)
			}
		}
		h.mu.Unlock()
	}
}

func (h *hub) remove(p *peer) {
	h.mu.Lock()
	delete(h.peers, p)
	h.mu.Unlock()
	p.out.close()
}

// link connects the hub of a master that takes over with that of the one before. They want to hear from each other.
func (h *hub) link(f *os.File) error {
	p, err := h.add(f)
	if err == nil {
		h.mu.Lock()
		p.joined = true
		h.mu.Unlock()
		p.out.put(make([]byte, frameLength))
	}
	return err
}
