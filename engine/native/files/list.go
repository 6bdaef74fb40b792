package files

import (
	"errors"
	"html"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/engine/native"
)

// list answers with the names in a directory: files, directories and links, in the order of their bytes.
func (h *handler) list(w *native.Response, name string) error {
	entries, more, err := h.readDir(name)
	if err != nil {
		return h.failure(name, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var b strings.Builder
	b.WriteString("<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n")
	for _, e := range entries {
		// Links of unknown ends are shown; what cannot be served is not.
		text := e.Name()
		if !h.Dotfiles && hidden(text) || e.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			continue
		}
		if _, _, ok := checked(text, true); !ok {
			continue
		}
		if e.IsDir() {
			text += "/"
		}
		// "./", because a name may have a colon and would be an absolute reference.
		link := "./" + (&url.URL{Path: text}).EscapedPath()
		b.WriteString("<a href=\"" + html.EscapeString(link) + "\">" + html.EscapeString(text) + "</a>\n")
	}
	if more {
		b.WriteString("…\n")
	}
	b.WriteString("</pre>\n")
	return w.HTML(200, b.String())
}

// readDir reads a directory, up to the bound.
func (h *handler) readDir(name string) (entries []fs.DirEntry, more bool, err error) {
	f, err := h.fsys.Open(name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, false, errors.New("files: the file system has no directories to read")
	}
	entries, err = d.ReadDir(listMax + 1)
	if err == io.EOF {
		err = nil
	}
	return entries[:min(len(entries), listMax)], len(entries) > listMax, err
}
