package nethttp

import (
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
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
		var all bool
		size := w.firstPiece(src)
		n, all, err = w.copyFirst(src, buf[:size:size])
		if err != nil || n < sniffSize || all && size > sniffSize {
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

// smallFileMax is the size in bytes up to which a file is read and leaves with its head, in one write. Beyond it, the kernel's
// copying is worth a write for the head.
const smallFileMax = spillSize

// firstPiece is how much to read before the head is sent. Where the length is declared, that is as much as there is room for: a
// second write costs more than reading and copying. Without, it is as in net/http, because the framing depends on what came
// before the first write to the connection. Of a large file the rest is the kernel's.
func (w *response) firstPiece(src io.Reader) int {
	length := w.length
	if v := w.header["Content-Length"]; !w.wroteHeader && len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil {
			length = n
		}
	}
	limited, _ := src.(*io.LimitedReader)
	if limited != nil {
		src = limited.R
	}
	if length < 0 || fileOf(src) != nil && (limited == nil || limited.N > smallFileMax) {
		return sniffSize
	}
	return int(min(max(length, sniffSize), copyBufferSize))
}

// copyFirst writes what src gives, until that is enough for the Content-Type, buf is used up, or src has ended, which it reports
// as far as it can be known without another Read: that might wait, and then what there is must have been sent.
func (w *response) copyFirst(src io.Reader, buf []byte) (n int64, all bool, err error) {
	limited, _ := src.(*io.LimitedReader)
	for n < sniffSize {
		p := buf[n:]
		k, rerr := src.Read(p)
		if k > 0 {
			m, werr := write(w, p[:k])
			if n += int64(m); werr != nil {
				return n, false, werr
			}
		}
		if rerr == io.EOF || rerr == nil && limited != nil && limited.N <= 0 {
			return n, true, nil
		}
		if rerr != nil {
			return n, false, rerr
		}
	}
	return n, false, nil
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
