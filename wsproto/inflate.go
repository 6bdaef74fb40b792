package wsproto

import (
	"bufio"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/flate"
)

// tail is what a sender has cut off from the end of a message (RFC 7692, section 7.2.1), and an empty final block behind
// it. So a message that ends where a message may end ends with io.EOF, and one that was cut elsewhere does not. A sender's
// own final block makes that happen before the finale, if it was the empty one that lost its end, or before the whole tail.
const (
	finale = "\x01\x00\x00\xff\xff"
	tail   = flushed + finale
)

// finalBlocksMax bounds the final blocks of one message. A sender may write some (RFC 7692, section 7.2.3.4), but
// each takes two bytes and makes the receiver begin anew, with 32 KB of history to set up.
const finalBlocksMax = 16

// Inflater inflates the messages of one connection. With context takeover it remembers the last bytes that came out, as
// many as the sender's window has, 256 to 32,768, as long as the connection is there; without, nothing. Decompressors come
// from a pool for the time of a call: there are as many as calls at once, 40 KB each, and those that lie idle for two
// garbage collections are gone.
// An Inflater belongs to one goroutine at a time.
type Inflater struct {
	past history
}

// NewInflater returns the Inflater for what the other side of a connection sends.
func NewInflater(role Role, agreed Params) *Inflater {
	bits, keeps := agreed.sends(1 - role)
	if !keeps {
		return new(Inflater)
	}
	return &Inflater{history{size: 1 << bits}}
}

// Append appends what the payload of a compressed message says to dst, at most bytesMax bytes; what is below 0 counts as 0.
// Beyond that the error is ErrInflatedSize, and no more than one byte has been inflated in vain. Other errors are ErrInflate
// and ErrInflateFinal. After an error dst is returned as it was, and the Inflater is of no more use.
func (i *Inflater) Append(dst, payload []byte, bytesMax int) ([]byte, error) {
	return i.inflate(heap{}, dst, payload, bytesMax)
}

func (i *Inflater) inflate(from Buffers, dst, payload []byte, bytesMax int) ([]byte, error) {
	d := decompressors.Get().(*decompressor)
	defer d.free()
	d.source = source{payload, tail}
	d.input.Reset(&d.source)
	start, added, finals := len(dst), len(dst), 0
	most := start + 1 + min(max(bytesMax, 0), math.MaxInt-1-start) // one byte too many is enough to know
	d.Reset(d.input, i.past.bytes)
	for {
		if len(dst) == cap(dst) {
			dst = grow(from, dst, min(max(growthMin, 4*min(len(payload), math.MaxInt/8)), most-len(dst)), most)
		}
		n, err := d.Read(dst[len(dst):min(cap(dst), most)])
		if dst = dst[:len(dst)+n]; len(dst) == most {
			return dst[:start], ErrInflatedSize
		}
		if err == nil {
			continue
		}
		left := d.left()
		if err != io.EOF || left < len(tail) && left != 0 && left != len(finale) {
			return dst[:start], ErrInflate
		}
		i.past.add(dst[added:])
		if added = len(dst); left <= len(tail) {
			return dst, nil
		}
		if finals++; finals > finalBlocksMax {
			return dst[:start], ErrInflateFinal
		}
		past := i.past.bytes
		if i.past.size == 0 {
			past = dst[max(start, len(dst)-windowBytesMax):]
		}
		d.Reset(d.input, past)
	}
}

// decompressor is one of flate's, with an input that it need not wrap.
type decompressor struct {
	io.Reader
	flate.Resetter
	input  *bufio.Reader
	source source
}

var decompressors = sync.Pool{New: func() any {
	d := &decompressor{input: bufio.NewReaderSize(nil, 1024)}
	d.Reader = flate.NewReader(d.input)
	d.Resetter = d.Reader.(flate.Resetter)
	return d
}}

// left returns how many bytes have not been used of payload and tail.
func (d *decompressor) left() int {
	return d.input.Buffered() + len(d.source.payload) + len(d.source.tail)
}

func (d *decompressor) free() {
	d.source = source{}
	decompressors.Put(d)
}

// source reads a payload, and the tail behind it.
type source struct {
	payload []byte
	tail    string
}

func (s *source) Read(p []byte) (n int, err error) {
	n = copy(p, s.payload)
	s.payload = s.payload[n:]
	k := copy(p[n:], s.tail)
	if s.tail = s.tail[k:]; n+k == 0 {
		return 0, io.EOF
	}
	return n + k, nil
}
