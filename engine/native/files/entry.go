package files

import (
	"cmp"
	"io"
	"io/fs"
	"mime"
	"path"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/constcache"
)

// entry is what is known of a file, under the value that asks for it. Only the last group of fields changes.
type entry struct {
	key          string // the wildcard's value
	name         string // below the root
	seen         seen
	mediaType    string
	cacheControl string
	modified     string // Last-Modified, or ""
	since        time.Time
	young        bool             // the file may change again without showing it
	reps         []representation // the file itself, then its siblings, the shortest first
	answer       *constcache.Answer
	bytes        int64 // that this counts among those in memory

	checked atomic.Int64 // when seen was last compared with the file, Unix nanoseconds
	used    atomic.Bool  // since the cache's hand last came by
	at      int          // in the cache's ring
}

// representation is the file in one coding.
type representation struct {
	coding string // "" for the file itself
	name   string // below the root
	stamp
	tag  string // ETag, or ""
	body []byte // nil if it is not kept
}

// stamp is by what a changed file is told.
type stamp struct {
	size     int64
	modified time.Time
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime()} }

func (s stamp) equal(t stamp) bool { return s.size == t.size && s.modified.Equal(t.modified) }

// seen are the stamps of a file and of its siblings, in the order of siblings. A sibling that is not there has size -1.
type seen [1 + len(siblings)]stamp

func (s *seen) equal(t *seen) bool {
	for i := range s {
		if !s[i].equal(t[i]) {
			return false
		}
	}
	return true
}

// look looks at a file and its siblings. It opens none: to open a FIFO is to wait for who writes it.
func (h *handler) look(name string) (s seen, err error) {
	info, err := fs.Stat(h.fsys, name)
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() {
		return s, fs.ErrNotExist
	}
	s[0] = stampOf(info)
	for i := range siblings {
		s[1+i].size = -1
		if h.NoPrecompressed {
			continue
		}
		info, err := fs.Stat(h.fsys, name+siblings[i].extension)
		if err == nil && info.Mode().IsRegular() && worth(info.Size(), s[0].size) {
			s[1+i] = stampOf(info)
		}
	}
	return s, nil
}

// load makes the entry of a file, with its bytes if keep is set and it is small enough.
func (h *handler) load(key, name string, keep bool) (*entry, error) {
	for range loadTries {
		s, err := h.look(name)
		if err != nil {
			return nil, err
		}
		e := h.describe(key, name, s)
		// Without a time only the content makes an ETag.
		if !(keep || isZero(s[0].modified)) || !h.small(e) {
			return e, nil
		}
		if ok, err := h.fill(e); ok || err != nil {
			return e, err
		}
	}
	s, err := h.look(name)
	if err != nil {
		return nil, err
	}
	return h.describe(key, name, s), nil
}

// describe makes an entry without bytes.
func (h *handler) describe(key, name string, s seen) *entry {
	now := time.Now()
	e := &entry{key: key, name: name, seen: s, mediaType: mime.TypeByExtension(path.Ext(name)), cacheControl: h.CacheControlOf(name)}
	if e.mediaType == "" {
		e.mediaType = "application/octet-stream"
	}
	e.checked.Store(now.UnixNano())
	if !isZero(s[0].modified) {
		e.since = s[0].modified.Truncate(time.Second)
		e.modified = e.since.UTC().Format(dateLayout)
	}
	e.reps = append(e.reps, representation{name: name, stamp: s[0]})
	for i, sibling := range siblings {
		if s[1+i].size >= 0 {
			e.reps = append(e.reps, representation{coding: sibling.coding, name: name + sibling.extension, stamp: s[1+i]})
		}
	}
	slices.SortStableFunc(e.reps[1:], func(a, b representation) int { return cmp.Compare(a.size, b.size) })
	for i := range e.reps {
		age := now.Sub(e.reps[i].modified)
		e.young = e.young || age < young && age > -young
	}
	e.setTags()
	return e
}

// setTags makes the ETags: out of the times and sizes of all representations, so that each changes with any of them. A
// coding's has its name at the end (RFC 9110, section 8.8.3.3), where package constcache puts it too.
func (e *entry) setTags() {
	if isZero(e.seen[0].modified) {
		return
	}
	var tag []byte
	for i := range e.reps {
		if i > 0 {
			tag = append(tag, '.')
		}
		tag = strconv.AppendInt(tag, e.reps[i].modified.UnixNano(), 36)
		tag = append(tag, '-')
		tag = strconv.AppendInt(tag, e.reps[i].size, 36)
	}
	for i := range e.reps {
		r := &e.reps[i]
		switch {
		case e.young:
			r.tag = `W/"` + string(tag) + `"`
		case i == 0:
			r.tag = `"` + string(tag) + `"`
		default:
			r.tag = `"` + string(tag) + "-" + r.coding + `"`
		}
	}
}

// small reports whether the entry's bytes may be kept.
func (h *handler) small(e *entry) bool {
	return e.reps[0].size <= h.FileBytesMax && h.cost(e) <= h.MemoryBytesMax
}

// cost returns what the entry counts in bytes when it is filled.
func (h *handler) cost(e *entry) int64 {
	n := int64(entryBytes + len(e.key))
	for i := range e.reps {
		n += answerBytes + e.reps[i].size
	}
	return n
}

// fill reads the bytes and makes the ready answer. ok is false if a file has changed meanwhile.
func (h *handler) fill(e *entry) (ok bool, err error) {
	var encoders []constcache.Encoder
	var bodies [1 + len(siblings)][]byte
	for i := range e.reps {
		r := &e.reps[i]
		if bodies[i], ok, err = h.read(r); !ok || err != nil {
			return ok, err
		}
		if i > 0 {
			body := bodies[i]
			encoders = append(encoders, constcache.Encoder{Name: r.coding, Encode: func([]byte) ([]byte, error) { return body, nil }})
		}
	}
	source := constcache.Source{Status: 200, Body: bodies[0], Fields: []constcache.Field{
		{Name: "Content-Type", Value: e.mediaType}, {Name: "Accept-Ranges", Value: "bytes"}}}
	for _, f := range []constcache.Field{{Name: "Last-Modified", Value: e.modified}, {Name: "Cache-Control", Value: e.cacheControl},
		{Name: "ETag", Value: e.reps[0].tag}} {
		if f.Value != "" {
			source.Fields = append(source.Fields, f)
		}
	}
	a, err := constcache.Make(source, encoders...)
	if err != nil {
		return false, err
	}
	for i := range e.reps {
		r := &e.reps[i]
		_, fields, body := a.Parts(&constcache.Ask{Minor: 1, AcceptEncoding: []byte(r.coding)})
		r.body = body
		for _, f := range fields {
			if f.Name == "ETag" {
				r.tag = f.Value
			}
		}
	}
	e.answer, e.bytes = a, h.cost(e)
	return true, nil
}

// read reads a representation. ok is false if the file is not what it was.
func (h *handler) read(r *representation) (body []byte, ok bool, err error) {
	f, ok, err := h.open(r)
	if !ok || err != nil {
		return nil, ok, err
	}
	defer f.Close()
	body = make([]byte, r.size+1)
	n, err := io.ReadFull(f, body)
	if err == nil || err == io.EOF && r.size > 0 {
		return nil, false, nil // it has grown, or shrunk to nothing
	}
	if err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	return body[:n], int64(n) == r.size && stampOf(info).equal(r.stamp), nil
}

// open opens a representation. ok is false, and nothing open, if the file is not what it was.
func (h *handler) open(r *representation) (f fs.File, ok bool, err error) {
	if f, err = h.fsys.Open(r.name); err != nil {
		return nil, false, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && stampOf(info).equal(r.stamp) {
		return f, true, nil
	}
	f.Close()
	return nil, false, err
}

// isZero reports whether a file's time says nothing: there is none in an embed.FS, and archives have the epoch.
func isZero(t time.Time) bool { return t.IsZero() || t.Unix() == 0 }

// varyCoding is the value of Vary for an entry with several representations, and the field that selects one.
const varyCoding = "Accept-Encoding"
