package wsproto

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// DeflateBytesMin is the length below which a Writer does not compress: there deflate finds nothing to refer to.
const DeflateBytesMin = 128

// takeoverBytesMax bounds what a Deflater remembers. A compressor takes 0.8 to 1.2 MB, so it can not stay with a connection;
// what stays is the end of what was sent, which a compressor from the pool reads first. BenchmarkDeflate has the figures:
// at level 1, messages of 1 KB become as small with 8 KB as with 32 KB, in two fifths of the time.
const takeoverBytesMax = 8 << 10

// Deflater compresses the messages of one connection, in the order in which they are sent. With context takeover it remembers
// the end of what was sent, at most 8 KB or the window, whichever is less, and as long as the connection is there;
// without, it remembers nothing. Compressors come from a pool for the time of a call: there are as many as calls at once,
// 0.8 to 1.2 MB each, and those that lie idle for two garbage collections are gone.
// A Deflater that keeps a context belongs to one goroutine at a time; others never change.
type Deflater struct {
	past  history
	bits  int
	level int
}

// NewDeflater returns the Deflater for what this side of a connection sends. The level goes from 1, fast, to 9, small;
// what is outside stands for 1. A window below 15 bits has one level only.
func NewDeflater(role Role, agreed Params, level int) *Deflater {
	bits, keeps := agreed.sends(role)
	d := &Deflater{bits: bits, level: level}
	if keeps {
		d.past.size = min(1<<bits, takeoverBytesMax)
	}
	return d
}

// Keeps reports whether messages may refer to those before them. Without that, any number of goroutines may use the Deflater.
func (d *Deflater) Keeps() bool { return d.past.size > 0 }

// Append compresses a message and appends it to dst, as the payload of frames of which the first has RSV1. The message must
// then be sent: the peer's window moves with it.
func (d *Deflater) Append(dst, message []byte) []byte {
	dst = d.compress(dst, message)
	d.past.add(message)
	return dst
}

// compress does not count the message as sent.
func (d *Deflater) compress(dst, message []byte) []byte {
	return deflate(dst, message, d.past.bytes, d.bits, d.level)
}

// Sent says that a compressed message is sent that another Deflater made, which had no context. The peer's window moves
// with it, and from now on this Deflater's does.
func (d *Deflater) Sent(message []byte) { d.past.add(message) }

// flushed is how a compressor ends what it flushes, and what goes without saying at the end of a message (RFC 7692,
// section 7.2.1).
const flushed = "\x00\x00\xff\xff"

// compressor is one of flate's, with an output that it need not be given anew.
type compressor struct {
	*flate.Writer
	out []byte
}

func (c *compressor) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	return len(p), nil
}

// compressors holds idle ones, by level for the full window, by bits for smaller ones. They keep bytes of what they compressed
// last, and refer to nothing else: ResetDict makes them forget.
var compressors, narrowCompressors [16]sync.Pool

func deflate(dst, message, past []byte, bits, level int) []byte {
	if level < 1 || level > 9 {
		level = 1
	}
	pool := &compressors[level]
	if bits < 15 {
		pool = &narrowCompressors[bits]
	}
	c, _ := pool.Get().(*compressor)
	if c == nil {
		c = new(compressor)
		if bits < 15 {
			c.Writer, _ = flate.NewWriterWindow(c, 1<<bits)
		} else {
			c.Writer, _ = flate.NewWriter(c, level)
		}
	}
	c.out = dst
	c.ResetDict(c, past)
	c.Writer.Write(message) // no error: the output takes everything
	c.Flush()
	dst = c.out[:len(c.out)-len(flushed)]
	c.out = nil
	pool.Put(c)
	return dst
}
