package native

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"sync"
)

const (
	// filePiece is how much of a file is sent under one write deadline, in bytes: a peer that takes 9 KiB a second is
	// not cut by the default WriteTimeout.
	filePiece = 512 << 10
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
	if w.x == nil || n <= copyMax || w.filtered || w.chunked {
		return w.copyFile(f, n)
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
		return w.copyFile(f, n)
	}
	w.pending = 0
	for n > 0 && w.err == nil {
		w.extendWriteDeadline()
		sent, err := w.x.SendFile(f, min(n, filePiece))
		n -= sent
		switch _, unreadable := errors.AsType[*fs.PathError](err); {
		case err == nil && sent == 0:
			err = io.ErrUnexpectedEOF
			fallthrough
		case unreadable: // unlike a client that leaves, something to be told
			w.srv.log.Error("sending a file failed", "error", err, "file", f.Name(), "pattern", w.r.Pattern())
			fallthrough
		case err != nil:
			w.fail(err)
		}
	}
	return w.err
}

// copyFile is SendFile for what has to pass through the program.
func (w *Response) copyFile(f *os.File, n int64) error {
	copied, err := w.copy(io.LimitReader(f, n))
	if err == nil && copied < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// ReadFrom implements io.ReaderFrom: it writes all that src has. A file (*os.File, or an *io.LimitedReader of one) is sent
// as SendFile does it.
func (w *Response) ReadFrom(src io.Reader) (int64, error) {
	before := w.written
	limited, _ := src.(*io.LimitedReader)
	f := fileOf(src)
	if limited != nil {
		f = fileOf(limited.R)
	}
	if f == nil {
		return w.copy(src)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return w.copy(src)
	}
	if limited == nil {
		err = w.SendFile(f, -1)
		return w.written - before, err
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	err = w.SendFile(f, max(0, min(limited.N, info.Size()-at)))
	limited.N -= w.written - before
	return w.written - before, err
}

// fileOf returns the file that src is, or nil. io.Copy(w, file) asks the file to write itself, and the file calls back with a
// struct of package os around it, which hides just that ability.
func fileOf(src io.Reader) *os.File {
	if f, ok := src.(*os.File); ok {
		return f
	}
	if _, ok := src.(interface{ Fd() uintptr }); !ok {
		return nil
	}
	v := reflect.ValueOf(src)
	if v.Kind() != reflect.Struct || v.Type().PkgPath() != "os" {
		return nil
	}
	if field := v.FieldByName("File"); field.IsValid() && field.CanInterface() {
		f, _ := field.Interface().(*os.File)
		return f
	}
	return nil
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
