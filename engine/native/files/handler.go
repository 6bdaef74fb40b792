package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
)

// handler serves one root.
type handler struct {
	Options
	fsys  fs.FS
	cache *cache
}

// Dir returns a handler for the files below the directory root, which it keeps open: the directory may be renamed, and the
// handler still serves it. Symbolic links are followed inside it and refused where they lead out. It fails if root cannot
// be opened, or with an option that cannot be.
//
// The handler answers GET and HEAD, other methods with 405. It may be used for any number of routes. It reads from the disk
// when an entry is missing or old, and leaves it to the server to see that that takes long.
func Dir(root string, o Options) (native.Handler, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	return newHandler(r.FS(), o), nil
}

// FS returns a handler for the files of fsys; otherwise it is as Dir. Whether names can leave fsys by links is for fsys to
// see to: those of os.DirFS can. Ranges are served of files that implement io.Seeker. It panics with an option that
// cannot be.
func FS(fsys fs.FS, o Options) native.Handler {
	o, err := o.settled()
	if err == nil && fsys == nil {
		err = errors.New("files: FS(nil)")
	}
	if err != nil {
		panic(err.Error())
	}
	return newHandler(fsys, o)
}

func newHandler(fsys fs.FS, o Options) native.Handler {
	mime.TypeByExtension(".html") // reads the system's tables: now, and not for the first request
	h := &handler{Options: o, fsys: fsys, cache: newCache(o.MemoryBytesMax)}
	return h.serve
}

// fallbackKey is the key of the fallback's entry; no value that is looked up has a NUL.
const fallbackKey = "\x00"

// serve is the handler.
func (h *handler) serve(w *native.Response, r *native.Request) error {
	value := h.value(r)
	if e := h.current(value); e != nil && e.answer != nil {
		if ok, err := w.Ready(e.answer); ok {
			return err
		}
	}
	if m := string(r.Method()); m != "GET" && m != "HEAD" {
		w.Set("Allow", "GET, HEAD")
		return &native.Error{Status: 405}
	}
	// A file that changes between look-up and open is looked up again, but not for ever.
	for range loadTries {
		err := h.answer(w, r, value)
		if err != errChanged {
			return err
		}
	}
	return &native.Error{Status: 503}
}

var errChanged = errors.New("files: the file has changed")

// value returns the value of the wildcard: a view, valid until the handler returns.
func (h *handler) value(r *native.Request) (value []byte) {
	if h.Param != "" {
		return r.Param(h.Param)
	}
	for _, v := range r.Params() {
		value = v
	}
	return value
}

// current returns the entry with that key, if there is one that can be believed.
func (h *handler) current(key []byte) *entry {
	e := h.cache.find(key)
	if e == nil {
		return nil
	}
	now, checked := time.Now().UnixNano(), e.checked.Load()
	if now-checked < int64(h.Revalidate) {
		return e
	}
	if !e.checked.CompareAndSwap(checked, now) && h.Revalidate > 0 {
		return e // somebody looks
	}
	s, err := h.look(e.name)
	if err != nil || e.young || !s.equal(&e.seen) {
		h.cache.remove(e)
		return nil
	}
	return e
}

// answer answers a request that has no ready bytes, or not yet.
func (h *handler) answer(w *native.Response, r *native.Request, value []byte) error {
	if e := h.current(value); e != nil {
		// Asked for again: worth being kept.
		if e.answer == nil && h.small(e) {
			if kept, err := h.load(e.key, e.name, true); err == nil {
				h.cache.put(kept)
				e = kept
			}
		}
		return h.send(w, r, e)
	}
	name, dir, ok := checked(string(value), h.Dotfiles)
	if !ok {
		return &native.Error{Status: 404}
	}
	if h.Index != "" && !dir && base(name) == h.Index {
		return redirect(w, r, "./")
	}
	info, err := fs.Stat(h.fsys, name)
	if err != nil {
		return h.missing(w, r, name, err)
	}
	switch {
	case info.IsDir():
		return h.directory(w, r, string(value), name, dir)
	case !info.Mode().IsRegular():
		return &native.Error{Status: 404}
	case dir:
		return redirect(w, r, "../"+segment(r))
	}
	return h.file(w, r, string(value), name)
}

// file answers with a file that has no entry.
func (h *handler) file(w *native.Response, r *native.Request, key, name string) error {
	e, err := h.load(key, name, false)
	if err != nil {
		return h.missing(w, r, name, err)
	}
	h.cache.put(e)
	return h.send(w, r, e)
}

// directory answers with a directory's index file, or a listing.
func (h *handler) directory(w *native.Response, r *native.Request, key, name string, slash bool) error {
	if h.Index != "" {
		index := join(name, h.Index)
		info, err := fs.Stat(h.fsys, index)
		switch {
		case err == nil && info.Mode().IsRegular() && !slash:
			return redirect(w, r, "./"+segment(r)+"/")
		case err == nil && info.Mode().IsRegular():
			return h.file(w, r, key, index)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return h.missing(w, r, index, err)
		}
	}
	switch {
	case !h.List:
		return h.missing(w, r, name, fs.ErrNotExist)
	case !slash:
		return redirect(w, r, "./"+segment(r)+"/")
	}
	return h.list(w, name)
}

// missing answers for a file that cannot be had: with the fallback if it does not exist and there is one.
func (h *handler) missing(w *native.Response, r *native.Request, name string, err error) error {
	failure := h.failure(name, err)
	if failure.Status != 404 || h.Fallback == "" {
		return failure
	}
	negotiated := name != "." && strings.Contains(base(name), ".")
	if negotiated {
		w.Add("Vary", "Accept")
		if !bytes.Contains(r.Header("Accept"), []byte("text/html")) {
			return failure
		}
	}
	e := h.current([]byte(fallbackKey))
	if e == nil || e.answer == nil && h.small(e) {
		if e, err = h.load(fallbackKey, h.Fallback, true); err != nil {
			return h.failure(h.Fallback, err)
		}
		h.cache.put(e)
	}
	if negotiated {
		return h.compose(w, r, e) // of ready bytes, Vary would replace ours
	}
	return h.send(w, r, e)
}

// redirect sends the client to a path relative to its own, as net/http's FileServer does it, with the query.
func redirect(w *native.Response, r *native.Request, location string) error {
	if q := r.RawQuery(); len(q) > 0 {
		location += "?" + string(q)
	}
	return w.Redirect(301, location)
}

// segment returns the last segment of the request's path, as it was sent. In a relative reference something must stand
// before it: it may have a colon, or be empty.
func segment(r *native.Request) string {
	return base(strings.TrimSuffix(string(r.Path()), "/"))
}
