package overtls

import (
	"errors"
	"io"
	"net"
	"time"
)

// wire is Conn as its *tls.Conn sees it: a net.Conn that, but for the handshake and after Hijack, does not wait.
type wire Conn

// rawConn is what is below a connection that has been taken out of the transport.
type rawConn struct {
	nc    net.Conn
	ahead []byte // ciphertext that had come; the reader's
}

// errAgain says that no whole record is here. crypto/tls remembers every error of a net.Conn but a temporary one, and
// goes on where it was.
var errAgain net.Error = again{}

type again struct{}

func (again) Error() string   { return "overtls: no whole record is here" }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

// Read hands out one record, when all of it is here: what is incomplete would lie in crypto/tls, which never gives
// its buffer back, and not in the transport's.
func (w *wire) Read(p []byte) (int, error) {
	c := (*Conn)(w)
	if raw := c.raw.Load(); raw != nil {
		if len(raw.ahead) > 0 {
			n := copy(p, raw.ahead)
			raw.ahead = raw.ahead[n:]
			return n, nil
		}
		return raw.nc.Read(p)
	}
	t := c.turn
	if t == nil {
		return 0, errAgain // not from inside the session: see transport.Conn.NetConn
	}
	for {
		if n := c.ready(); n > 0 {
			n = copy(p, t.In[:n])
			t.In = t.In[n:]
			c.record -= n
			return n, nil
		}
		if t.EOF {
			if len(t.In) == 0 && c.record == 0 {
				return 0, io.EOF
			}
			t.In = t.In[len(t.In):]
			return 0, io.ErrUnexpectedEOF
		}
		if !c.waits {
			return 0, errAgain
		}
		c.collect()
		if len(t.Out) > 0 {
			if err := c.outer.Flush(t); err != nil {
				return 0, err
			}
		}
		if err := c.outer.Fill(t); err != nil && err != io.EOF {
			return 0, err
		}
	}
}

// ready returns how many bytes at the front of the input crypto/tls may have: the rest of a record that it has begun, or
// a whole one. Of one that it is going to refuse by its header it gets the header.
func (c *Conn) ready() int {
	in := c.turn.In
	if c.record > 0 {
		return min(c.record, len(in))
	}
	if len(in) < recordHeader {
		return 0
	}
	n := int(in[3])<<8 | int(in[4])
	if n > recordMax || c.state <= stateShake && (in[0] < 20 || in[0] > 23 || in[1] >= 0x10) || c.state > stateShake && in[1] != 3 {
		c.record = recordHeader
		return recordHeader
	}
	if n += recordHeader; len(in) < n {
		return 0
	}
	c.record = n
	return n
}

// Write takes all of p. Whoever has made crypto/tls write sees to it that it is sent: handshake, turn, or Duplex.
func (w *wire) Write(p []byte) (int, error) {
	c := (*Conn)(w)
	if raw := c.raw.Load(); raw != nil {
		return raw.nc.Write(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sending.Load() {
		if c.answers += len(p); c.answers > answersMax {
			c.flooded.Store(true)
			return 0, errFlood
		}
	}
	if x := c.duplex; x != nil {
		x.add(p)
	} else {
		c.out = append(c.out, p...)
	}
	return len(p), nil
}

// errFlood ends a connection whose peer asks for new keys (RFC 8446, section 4.6.3) and does not give the answers a chance to
// leave: it would keep them all here. net/http has them wait in the peer's way instead.
var errFlood = errors.New("overtls: too many key updates")

// write has crypto/tls encrypt p.
func (c *Conn) write(p []byte) (int, error) {
	c.sending.Store(true)
	defer c.sending.Store(false)
	return c.tls.Write(p)
}

// collect moves ciphertext to the turn's output, where the transport may send it. That of a Protocol goes another way.
func (c *Conn) collect() {
	t := c.turn
	if c.duplex != nil {
		return
	}
	c.mu.Lock()
	c.answers = 0
	if len(t.Out) == 0 {
		t.Out, c.out = c.out, t.Out[:0]
	} else {
		t.Out = append(t.Out, c.out...)
		c.out = c.out[:0]
	}
	c.mu.Unlock()
}

// Close is called by crypto/tls when the handshake's context has ended, by hooks, and after Hijack. Hooks may have kept their
// *tls.Conn, and crypto/tls does not wait for a Close that it has begun: so it may come when the connection has ended, and
// outer is the next one's.
func (w *wire) Close() error {
	c := (*Conn)(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	if nc := c.lasting(); nc != nil {
		return nc.Close()
	}
	if c.parted {
		return net.ErrClosed
	}
	c.outer.Abort()
	return nil
}

// depart is called when the connection ends, while outer is still its own.
func (c *Conn) depart() {
	c.mu.Lock()
	c.parted = true
	c.mu.Unlock()
}

// RemoteAddr and LocalAddr are nobody's for a callback of tls.Config that asks when the connection has ended.
func (w *wire) RemoteAddr() net.Addr { return (*Conn)(w).address((*Conn).RemoteAddr) }
func (w *wire) LocalAddr() net.Addr  { return (*Conn)(w).address((*Conn).LocalAddr) }

func (c *Conn) address(of func(*Conn) net.Addr) net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parted && c.lasting() == nil {
		return new(net.TCPAddr)
	}
	return of(c)
}

// SetDeadline, and what follows, do nothing while the connection is the transport's: its deadlines are the session's. And
// crypto/tls, when it says farewell, sets one that has passed.
func (w *wire) SetDeadline(at time.Time) error {
	if raw := w.raw.Load(); raw != nil {
		return raw.nc.SetDeadline(at)
	}
	return nil
}

func (w *wire) SetReadDeadline(at time.Time) error {
	if raw := w.raw.Load(); raw != nil {
		return raw.nc.SetReadDeadline(at)
	}
	return nil
}

func (w *wire) SetWriteDeadline(at time.Time) error {
	if raw := w.raw.Load(); raw != nil {
		return raw.nc.SetWriteDeadline(at)
	}
	return nil
}
