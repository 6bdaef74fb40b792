package native

import (
	"io"
	"os"
	"sync"
)

const (
	// filePiece is how much of a file is sent under one write deadline, in bytes.
	filePiece = 2 << 20
	// copyMax is the size in bytes up to which a file is read and sent with the head, which is cheaper than a call of
	// its own and leaves the handler on the loop.
	copyMax = draftMax
)

// SendFile writes n bytes of f from its current offset (n < 0: up to its end), without a copy through the program where
// the system can. It waits for the peer, off the loop. Unless something has been written or a Content-Length declared, the
// length is declared. A file that turns out shorter gives io.ErrUnexpectedEOF; the response is then incomplete, and a
// handler that returns the error cuts the connection.
func (w *Response) SendFile(f *os.File, n int64) error {
	if n < 0 {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		n = max(0, info.Size()-at)
	}
	w.compose()
	if !w.sentHead && w.length < 0 && len(w.draft) == 0 {
		w.length = n
	}
	if w.x == nil || n <= copyMax || w.filter != nil && !w.sentHead || w.filtered || w.chunked {
		copied, err := w.copy(io.LimitReader(f, n))
		if err == nil && copied < n {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := w.admit(n); err != nil {
		return err
	}
	if !w.sentHead {
		w.makeHead(w.draft, false)
		w.emit(w.draft)
		w.draft = w.draft[:0]
	}
	if w.isHead || w.err != nil {
		return w.err
	}
	if w.chunked || w.filtered { // which the head has decided
		w.written -= n
		_, err := w.copy(io.LimitReader(f, n))
		return err
	}
	w.pending = 0
	for n > 0 && w.err == nil {
		w.extendWriteDeadline()
		sent, err := w.x.SendFile(f, min(n, filePiece))
		n -= sent
		switch {
		case err != nil:
			w.fail(err)
		case sent == 0:
			w.fail(io.ErrUnexpectedEOF)
		}
	}
	return w.err
}

// ReadFrom implements io.ReaderFrom: it writes all that src has. A file (*os.File, or an *io.LimitedReader of one) is sent
// as SendFile does it.
func (w *Response) ReadFrom(src io.Reader) (int64, error) {
	before := w.written
	switch s := src.(type) {
	case *os.File:
		if info, err := s.Stat(); err == nil && info.Mode().IsRegular() {
			err := w.SendFile(s, -1)
			return w.written - before, err
		}
	case *io.LimitedReader:
		if f, ok := s.R.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				at, err := f.Seek(0, io.SeekCurrent)
				if err != nil {
					return 0, err
				}
				err = w.SendFile(f, max(0, min(s.N, info.Size()-at)))
				s.N -= w.written - before
				return w.written - before, err
			}
		}
	}
	return w.copy(src)
}

var copyBuffers = sync.Pool{New: func() any { return new([appendMax]byte) }}

func (w *Response) copy(src io.Reader) (n int64, err error) {
	b := copyBuffers.Get().(*[appendMax]byte)
	defer copyBuffers.Put(b)
	for {
		k, err := src.Read(b[:])
		if k > 0 {
			if _, err := w.Write(b[:k]); err != nil {
				return n, err
			}
			n += int64(k)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
