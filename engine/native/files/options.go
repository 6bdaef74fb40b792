package files

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Options say how files are served. The zero value of a field means its default.
type Options struct {
	// Param is the name of the pattern's wildcard that is the file's name; it ends the pattern. Default: the last one.
	// Of a pattern without wildcards the name is empty, which is the root's index file.
	Param string
	// Index is the file that is served for a directory. Default "index.html". A request for it by name is redirected
	// to the directory.
	Index string
	// NoIndex turns index files off.
	NoIndex bool
	// List has directories without index file listed, as HTML. Default: they are 404.
	List bool
	// Fallback is the name of a file that is served, with status 200, in the place of files that are not there: for
	// applications that have routes of their own. Names with an extension, which are likely to be scripts and
	// images, stay 404, unless the request's Accept names text/html. Default: none.
	Fallback string
	// CacheControl is the value of the Cache-Control field. Default: none is sent.
	CacheControl string
	// CacheControlOf returns the value for one file, by its name below the root; "" sends none. Default: CacheControl.
	// It runs when a file's entry is made, on any goroutine.
	CacheControlOf func(name string) string
	// Dotfiles has names served and listed that begin with a dot, or are in a directory that does.
	Dotfiles bool
	// NoPrecompressed leaves siblings (name.zst, name.br, name.gz) alone. By default they are sent to those who accept
	// the coding. That a sibling holds the same as its file is for whoever puts it there to see to.
	NoPrecompressed bool

	// MemoryBytesMax bounds, in bytes, what is kept in memory. Default MemoryBytesDefault. Negative: no file is.
	MemoryBytesMax int64
	// FileBytesMax bounds, in bytes, a file that is kept in memory. Default FileBytesDefault.
	FileBytesMax int64
	// Revalidate is how long a file that has changed may be served as it was. Default RevalidateDefault. Negative:
	// every request looks.
	Revalidate time.Duration
}

// settled returns the options with their defaults, or says which is wrong.
func (o Options) settled() (Options, error) {
	if o.Index == "" {
		o.Index = "index.html"
	}
	if o.NoIndex {
		o.Index = ""
	}
	if o.Index != "" && (!fs.ValidPath(o.Index) || o.Index == "." || strings.Contains(o.Index, "/")) {
		return o, fmt.Errorf("files: Options.Index is %q: want a file name without a slash", o.Index)
	}
	if o.Fallback != "" && (!fs.ValidPath(o.Fallback) || o.Fallback == ".") {
		return o, fmt.Errorf("files: Options.Fallback is %q: want a name relative to the root, such as index.html", o.Fallback)
	}
	if strings.ContainsAny(o.CacheControl, "\r\n\x00") {
		return o, errors.New("files: Options.CacheControl has a control character")
	}
	if o.FileBytesMax < 0 {
		return o, fmt.Errorf("files: Options.FileBytesMax is %d: want 0 or more", o.FileBytesMax)
	}
	if o.CacheControlOf == nil {
		value := o.CacheControl
		o.CacheControlOf = func(string) string { return value }
	}
	if o.MemoryBytesMax == 0 {
		o.MemoryBytesMax = MemoryBytesDefault
	}
	if o.FileBytesMax == 0 {
		o.FileBytesMax = FileBytesDefault
	}
	if o.Revalidate == 0 {
		o.Revalidate = RevalidateDefault
	}
	return o, nil
}
