package websocket

import "github.com/peregrine-http/peregrine/wsproto"

// Writable implements transport.Duplex.
func (s *session) Writable() {
	c := (*Conn)(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has&full != 0 {
		c.has = c.has&^full | moved
	}
	if c.has&batch == 0 {
		c.flush()
	}
}

// Lent implements transport.Duplex.
func (s *session) Lent() {
	c := (*Conn)(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has &^= batch
	c.flush()
}

// Drain implements transport.Duplex: the server stops (RFC 6455, section 7.4.1).
func (s *session) Drain() { (*Conn)(s).Close(wsproto.GoingAway, "") }

// Ending implements transport.Duplex.
func (s *session) Ending() {
	c := (*Conn)(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has |= ended
	c.tc = &departed{remote: c.tc.RemoteAddr(), local: c.tc.LocalAddr()}
	if c.q != nil {
		c.freeQueue()
	}
}
