package overtls

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// Fill implements transport.Conn.
func (c *Conn) Fill(t *transport.Turn) error {
	for {
		for c.decryptable() {
			n, err := c.decrypt(t.Space(inputMax))
			switch {
			case n > 0:
				t.Filled(n)
				return nil
			case err == io.EOF:
				t.EOF = true
				return err
			case err != errAgain:
				return err
			}
		}
		if err := c.outer.Fill(c.turn); err != nil && err != io.EOF {
			return err
		}
	}
}

// Read implements transport.Conn.
func (c *Conn) Read(t *transport.Turn, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		for c.decryptable() {
			n, err := c.decrypt(p)
			if err == io.EOF {
				t.EOF = true
			}
			if err != errAgain {
				return n, err
			}
		}
		if err := c.outer.Fill(c.turn); err != nil && err != io.EOF {
			return 0, err
		}
	}
}

// Flush implements transport.Conn. It has no more ciphertext at hand than what becomes of a piece, or of t.Out.
func (c *Conn) Flush(t *transport.Turn, more ...[]byte) error {
	if err := c.encrypt(t); err != nil {
		return c.outerError(err)
	}
	for _, p := range more {
		for len(p) > 0 {
			n := min(len(p), pieceMax)
			if _, err := c.write(p[:n]); err != nil {
				return c.outerError(err)
			}
			p = p[n:]
			c.mu.Lock()
			full := len(c.out) > transport.OutHigh
			c.mu.Unlock()
			if full {
				if err := c.send(); err != nil {
					return err
				}
			}
		}
	}
	return c.send()
}

// send sends the ciphertext there is.
func (c *Conn) send() error {
	c.collect()
	return c.outer.Flush(c.turn)
}

// outerError is for an error of crypto/tls in writing, which comes from an alert that was sent.
func (c *Conn) outerError(err error) error {
	c.send()
	return err
}

// SendFile implements transport.Conn. The file is read and encrypted by pieces.
func (c *Conn) SendFile(t *transport.Turn, f *os.File, n int64) (int64, error) {
	if err := c.encrypt(t); err != nil {
		return 0, c.outerError(err)
	}
	buf := transport.NewBuffer(transport.BufferLarge)
	defer buf.Free()
	var sent int64
	for n < 0 || sent < n {
		p := buf.Sink()
		if n >= 0 {
			p = p[:min(int64(len(p)), n-sent)]
		}
		k, rerr := f.Read(p)
		if k > 0 {
			if err := c.Flush(t, p[:k]); err != nil {
				return sent, err
			}
			sent += int64(k)
		}
		if rerr == io.EOF {
			break
		}
		if rerr != nil {
			return sent, rerr
		}
	}
	return sent, c.Flush(t)
}

// Hijack implements transport.Conn: the *tls.Conn, which reads what has come already first.
func (c *Conn) Hijack(t *transport.Turn) (net.Conn, error) {
	if err := c.encrypt(t); err != nil {
		return nil, c.outerError(err)
	}
	c.collect()
	if err := c.detach(c.turn); err != nil {
		return nil, err
	}
	return c.tls, nil
}

// detach takes the connection out of the transport.
func (c *Conn) detach(t *transport.Turn) error {
	nc, err := c.outer.Hijack(t)
	if err != nil {
		return err
	}
	nc.SetDeadline(time.Time{})
	raw := &rawConn{nc: nc}
	if len(t.In) > 0 {
		raw.ahead = slices.Clone(t.In)
		t.In = t.In[len(t.In):]
	}
	c.mu.Lock()
	c.raw.Store(raw)
	c.mu.Unlock()
	return nil
}

// handOver gives the connection to whoever serves the protocol that was agreed on.
func (c *Conn) handOver(t *transport.Turn, serve func(*tls.Conn)) transport.Next {
	if err := c.detach(t); err != nil {
		c.state, c.over = stateEnd, err
		return transport.Abort
	}
	c.state = stateGone
	c.free()
	serve(c.tls)
	return transport.Gone
}
