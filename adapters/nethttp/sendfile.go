package nethttp

import (
	"io"
	"net/http"
	"os"
	"reflect"
)

// sniffSize is how much of a body decides its Content-Type.
const sniffSize = 512

// plainWriter hides ReadFrom from io.Copy.
type plainWriter struct{ w *response }

func (p plainWriter) Write(b []byte) (int, error) { return write(p.w, b) }

// ReadFrom implements io.ReaderFrom. A regular file, whole or under an io.LimitedReader (which is how
// http.ServeContent copies), is sent by the kernel, unless the body is chunked.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	if w.hijacked.Load() {
		return 0, http.ErrHijacked
	}
	if w.done.Load() {
		return 0, errFinished
	}
	buf := copyBuffers.Get().(*[copyBufferSize]byte)
	defer copyBuffers.Put(buf)
	if !w.sentHead {
		// The first bytes go the usual way: they may be all, and they decide the Content-Type. Nothing is sent before
		// the source has given something.
		n, err = io.CopyBuffer(plainWriter{w}, io.LimitReader(src, sniffSize), buf[:])
		if err != nil || n < sniffSize {
			return n, err
		}
	}
	if err := w.FlushError(); err != nil {
		return n, err
	}
	if !w.chunked && !w.head && bodyAllowed(w.status) {
		m, err := w.sendFile(src)
		n += m
		if err != nil {
			return n, err
		}
	}
	m, err := io.CopyBuffer(plainWriter{w}, src, buf[:])
	return n + m, err
}

// sendFile sends as much of src as is a regular file and fits the declared length. What it leaves is copied.
func (w *response) sendFile(src io.Reader) (int64, error) {
	limited, _ := src.(*io.LimitedReader)
	if limited != nil {
		src = limited.R
	}
	f := fileOf(src)
	if f == nil {
		return 0, nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, nil
	}
	most := int64(-1)
	if limited != nil {
		most = max(limited.N, 0)
	}
	if rest := w.length - w.written; w.length != -1 && (most < 0 || most > rest) {
		most = rest
	}
	if most == 0 {
		return 0, nil
	}
	n, err := w.x.SendFile(f, most)
	w.written += n
	if limited != nil {
		limited.N -= n
	}
	if err != nil {
		w.writeErr = err
		w.ex.ctx.Cancel()
	}
	return n, err
}

// fileOf returns the file that src is, or nil. io.Copy(w, file) asks the file to write itself, and the file calls back
// with a struct of package os around it, which hides just that ability.
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
