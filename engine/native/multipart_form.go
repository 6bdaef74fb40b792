package native

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/textproto"
	"os"
)

// MultipartForm is a form with uploads. It is valid until the handler returns, and then what was stored of it is removed:
// whether the handler returns, panics or ends its goroutine, and whether the form was complete or not.
type MultipartForm struct {
	values []pair
	files  []*Upload
	memory int64 // how many bytes may still be kept in memory
	file   *os.File
	stored int64  // bytes in file
	path   string // of file, while it has one
}

// Upload is a file in a form.
type Upload struct {
	Name     string // of the form's field
	FileName string // see Part.FileName
	Header   textproto.MIMEHeader
	Size     int64 // bytes

	in   io.ReaderAt
	from int64
}

// Open returns a reader of the file, as many as wanted, which may be used at the same time. They are valid until the handler
// returns.
func (u *Upload) Open() *io.SectionReader { return io.NewSectionReader(u.in, u.from, u.Size) }

// MultipartForm reads the whole body as a form with uploads, of type multipart/form-data. It keeps up to memoryMax bytes in
// memory (0: MultipartMemoryDefault) and stores uploads that do not fit in a temporary file in os.TempDir, one for the whole
// form. On systems that let go of a file's name while it is open the name is gone at once, so that not even the end of the
// process leaves it behind. It waits for the body and for the disk: a route that uses it often is best declared Own.
//
// The errors are those of Multipart, 415 for multipart/mixed, and 413 for fields that are no files and have more bytes than
// memoryMax and MultipartMemoryDefault. Others come from the disk. Later calls return the same.
func (r *Request) MultipartForm(memoryMax int64) (*MultipartForm, error) {
	p := r.parts()
	if p.kept == nil {
		if memoryMax <= 0 {
			memoryMax = MultipartMemoryDefault
		}
		p.kept = &MultipartForm{memory: memoryMax}
		if p.err == nil && !p.isForm {
			p.err = errNotMultipart
		}
		p.kept.read(p, max(memoryMax, MultipartMemoryDefault))
	}
	if p.err != io.EOF {
		return nil, p.err
	}
	return p.kept, nil
}

// read reads all parts. left is how many bytes heads and values may have: not less than memory, so that a small number there
// is about uploads only.
func (f *MultipartForm) read(p *parts, left int64) {
	for {
		part, err := p.next()
		if err != nil {
			return
		}
		head := int64(len(part.Name) + headerBytes(part.Header))
		f.memory -= head
		if left -= head; part.FileName != "" && left >= 0 {
			if p.err = f.store(part); p.err != nil {
				return
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, max(0, left)+1))
		f.memory -= int64(len(value))
		if left -= int64(len(value)); left < 0 && err == nil {
			err = errFormValues
		}
		if err != nil {
			p.refuse(err)
			return
		}
		f.values = append(f.values, pair{[]byte(part.Name), value})
	}
}

var errFormValues = &Error{Status: 413, Message: "multipart: the fields that are no files are too long"}

// store keeps an upload, in memory if it fits there.
func (f *MultipartForm) store(part *Part) error {
	u := &Upload{Name: part.Name, FileName: part.FileName, Header: part.Header}
	var small bytes.Buffer
	n, err := io.Copy(&small, io.LimitReader(part, max(0, f.memory)+1))
	if err != nil {
		return err
	}
	if n <= f.memory {
		f.memory -= n
		u.in, u.Size = bytes.NewReader(small.Bytes()), n
		f.files = append(f.files, u)
		return nil
	}
	if f.file == nil {
		if f.file, err = os.CreateTemp("", "peregrine-upload-*"); err != nil {
			return fmt.Errorf("native: upload: %w", err)
		}
		if f.path = f.file.Name(); os.Remove(f.path) == nil {
			f.path = ""
		}
	}
	u.in, u.from = f.file, f.stored
	for _, from := range []io.Reader{&small, part} {
		n, err := io.Copy(f.file, from)
		f.stored += n
		u.Size += n
		var known *Error
		if errors.As(err, &known) || part.of.source.err != nil {
			return err
		} else if err != nil {
			return fmt.Errorf("native: upload: %w", err)
		}
	}
	f.files = append(f.files, u)
	return nil
}

func (f *MultipartForm) close() {
	if f.file != nil {
		f.file.Close()
		if f.path != "" {
			os.Remove(f.path)
		}
	}
}

// Value returns the first value of a field that is no file; nil if there is none.
func (f *MultipartForm) Value(name string) []byte {
	for _, p := range f.values {
		if string(p.name) == name {
			return p.value
		}
	}
	return nil
}

// Values yields names and values of all fields that are no files, in the order in which they were sent.
func (f *MultipartForm) Values() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for _, p := range f.values {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}

// File returns the first file of a field; nil if there is none.
func (f *MultipartForm) File(name string) *Upload {
	for _, u := range f.files {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// Files returns all files, in the order in which they were sent.
func (f *MultipartForm) Files() []*Upload { return f.files }
