package files

import (
	"errors"
	"io/fs"

	"github.com/peregrine-http/peregrine/engine/native"
)

// failure turns what a file system says of a name into an answer. The client learns no more than a status; the
// error, which has paths, is for the log.
func (h *handler) failure(name string, err error) *native.Error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return &native.Error{Status: 404}
	case errors.Is(err, fs.ErrPermission):
		return &native.Error{Status: 403}
	case h.impossible(name):
		return &native.Error{Status: 404}
	}
	return &native.Error{Status: 500, Err: err}
}

// impossible reports whether a name is to blame for not being found: it goes through something that is no directory, or
// through a symbolic link that cannot be followed, because it leads out of the root or in a circle. Systems have many
// errors for this, and package fs has no names for them.
func (h *handler) impossible(name string) bool {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := fs.Lstat(h.fsys, name[:i])
		if err != nil {
			return errors.Is(err, fs.ErrNotExist)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if info, err = fs.Stat(h.fsys, name[:i]); err != nil {
				return true
			}
		}
		if i < len(name) && !info.IsDir() {
			return true
		}
	}
	return false
}
