package compress

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is a content coding with its encoders, which are reused: making one costs more than most answers.
type coding struct {
	name string
	make func() writer
	pool sync.Pool // of *encoder
}

// writer is what gzip's and zstd's writers have in common.
type writer interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

func newGzip(level int) *coding {
	return &coding{name: "gzip", make: func() writer {
		w, err := gzip.NewWriterLevel(nil, level)
		if err != nil {
			panic(err) // New has checked the level
		}
		return w
	}}
}

func newZstd(level int) *coding {
	return &coding{name: "zstd", make: func() writer {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevel(level)), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err) // New has checked the level
		}
		return w
	}}
}

func (c *coding) get() *encoder {
	e, ok := c.pool.Get().(*encoder)
	if !ok {
		e = &encoder{w: c.make()}
	}
	e.w.Reset(&e.out)
	return e
}

// put takes an encoder back, wherever its stream has ended: get begins a new one.
func (c *coding) put(e *encoder) { c.pool.Put(e) }

// encoder turns a writer into appending.
type encoder struct {
	w   writer
	out sink
}

type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// append appends to dst what p becomes; with flush, all that can be decoded of what has been written.
func (e *encoder) append(dst, p []byte, flush bool) ([]byte, error) {
	e.out = dst
	_, err := e.w.Write(p)
	if err == nil && flush {
		err = e.w.Flush()
	}
	dst, e.out = e.out, nil
	return dst, err
}

func (e *encoder) end(dst []byte) ([]byte, error) {
	e.out = dst
	err := e.w.Close()
	dst, e.out = e.out, nil
	return dst, err
}
