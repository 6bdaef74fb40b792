package epoll

// slots is the table of a loop's connections. A handle (slot and generation) names a connection to the kernel and
// wherever else a name may outlive it: a handle of a closed connection finds nobody.
type slots struct {
	chunks []*[chunkLen]conn
	free   []uint32
	used   int
}

const (
	chunkLen  = 64
	chunkBits = 6
	// nobody is the slot number that means none.
	nobody = ^uint32(0)
	// listenerHandle is what the listener's events carry. The poller keeps the next number for itself.
	listenerHandle = ^uint64(0) - 1
)

func handleOf(slot, gen uint32) uint64 { return uint64(gen)<<32 | uint64(slot) }

func (c *conn) handle() uint64 { return handleOf(c.slot, c.gen) }

func (s *slots) at(slot uint32) *conn { return &s.chunks[slot>>chunkBits][slot&(chunkLen-1)] }

// find returns the open connection that the handle names, or nil.
func (s *slots) find(handle uint64) *conn {
	slot := uint32(handle)
	if int(slot>>chunkBits) >= len(s.chunks) {
		return nil
	}
	c := s.at(slot)
	if !c.open || c.gen != uint32(handle>>32) {
		return nil
	}
	return c
}

// take returns a free slot's connection: the one that was freed last, which is warm, else the lowest that was never used.
func (s *slots) take() *conn {
	if len(s.free) == 0 {
		first := uint32(len(s.chunks)) << chunkBits
		s.chunks = append(s.chunks, new([chunkLen]conn))
		for i := uint32(chunkLen); i > 0; i-- {
			slot := first + i - 1
			s.at(slot).slot = slot
			s.free = append(s.free, slot)
		}
	}
	c := s.at(s.free[len(s.free)-1])
	s.free = s.free[:len(s.free)-1]
	s.used++
	c.open = true
	return c
}

// give makes the slot free. The next connection in it has another generation.
func (s *slots) give(c *conn) {
	c.gen++
	if c.gen == nobody { // the listener's handle must not name a connection
		c.gen = 0
	}
	c.open, c.listed = false, false
	c.session, c.ext, c.becoming = nil, nil, false
	c.loan.Store(nil)
	s.free = append(s.free, c.slot)
	s.used--
}

// each calls f for every open connection; f may close the one it is given.
func (s *slots) each(f func(*conn)) {
	for _, ch := range s.chunks {
		for i := range ch {
			if ch[i].open {
				f(&ch[i])
			}
		}
	}
}
