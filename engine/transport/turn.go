package transport

import "time"

// Turn is what the goroutine that runs a session brings along: the input at hand, the output to be sent, and scratch.
// A session may keep none of it when Run returns.
type Turn struct {
	// In is received and not yet consumed. The session consumes from the front: t.In = t.In[n:].
	In []byte
	// EOF: the peer has ended its side, nothing follows In.
	EOF bool
	// Out is to be sent. The session appends. Only whole, final bytes: they may leave at any moment.
	Out []byte
	// Now is the time of this turn, as time.Now gives it. It is read once a turn; a session that has waited inside
	// the turn sets it anew.
	Now time.Time
	// Local belongs to the session layer: scratch that it wants to find again in the next turn of this goroutine.
	Local any

	// pinned: views into consumed input are alive (a handler runs), so Space must not move or overwrite it.
	pinned bool
	base   *Buffer // In lies in base
	spare  *Buffer // while pinned: the buffer that In left and that views still point into
}

// Buffer returns the buffer that In lies in, or nil. For transports.
func (t *Turn) Buffer() *Buffer { return t.base }

// Adopt makes b's filled part the input. The turn uses b until Release takes it back. For transports.
func (t *Turn) Adopt(b *Buffer) {
	t.base = b
	t.In = nil
	if b != nil {
		t.In = b.filled()
	}
}

// Release ends the turn's use of its buffer and returns it with exactly the unconsumed input in it.
// Views into the input end here. For transports.
func (t *Turn) Release() *Buffer {
	t.Unpin()
	b := t.base
	if b != nil {
		b.keep(t.In)
	}
	t.base, t.In = nil, nil
	return b
}

// Pin declares that views into consumed input are alive from here to Unpin. Conn.Begin pins.
func (t *Turn) Pin() { t.pinned = true }

// Unpin ends the life of all views into consumed input. Conn.End unpins.
func (t *Turn) Unpin() {
	if poisoned && t.pinned && t.base != nil {
		t.base.keep(t.In)
		poison(t.base.b[:t.base.start])
	}
	t.pinned = false
	if t.spare != nil {
		t.spare.Free()
		t.spare = nil
	}
}

// Space returns room for at least one more byte behind In. The transport reads into it and calls Filled.
// It moves In to the front, or to a larger buffer, when there is none; while pinned, to another buffer.
// sizeMax bounds the buffer; at the bound Space returns nil. For transports.
func (t *Turn) Space(sizeMax int) []byte {
	if t.base == nil {
		t.base = NewBuffer(BufferSmall)
		t.In = t.base.b[:0]
	}
	b := t.base
	b.keep(t.In)
	if t.pinned {
		if t.spare == nil {
			// The first read inside a handler: what it has been given views of stays behind.
			nb := NewBuffer(max(BufferMedium, 2*len(t.In)))
			nb.load(t.In)
			t.spare, t.base = b, nb
			t.In = nb.filled()
			return nb.space()
		}
		// The second buffer holds body bytes only, of which no views live past the call that asked for them.
	}
	b.compact()
	if len(b.space()) == 0 {
		if len(b.b) >= sizeMax {
			t.In = b.filled()
			return nil
		}
		nb := NewBuffer(2 * len(b.b))
		nb.load(b.filled())
		b.Free()
		t.base, b = nb, nb
	}
	t.In = b.filled()
	return b.space()
}

// Filled adds n bytes, read into the result of Space, to In. For transports.
func (t *Turn) Filled(n int) {
	t.base.end += n
	t.In = t.base.filled()
}
