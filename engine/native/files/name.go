package files

import (
	"path/filepath"
	"runtime"
	"strings"
)

// checked returns the name below the root that a request means, in the form of package fs, and whether it is written as a
// directory is. ok is false for names that nothing may be opened by. The value comes from the network, percent-decoded once: a
// dot or a slash that was encoded is a dot or a slash here.
//
// It refuses names that leave the root or only seem to stay ("..", ".", empty elements), that mean something else on this
// or another system (backslashes, which separate on Windows; NUL, which ends a name in C; on Windows colons and CON), that
// are not UTF-8, that are too long, and hidden ones. os.Root would refuse some of them too, but an fs.FS may be anything.
func checked(value string, dotfiles bool) (name string, dir, ok bool) {
	name, dir = strings.CutSuffix(value, "/")
	if value == "" {
		return ".", true, true
	}
	if len(name) > nameBytesMax || name == "." || strings.ContainsAny(name, "\\\x00") {
		return "", dir, false
	}
	if _, err := filepath.Localize(name); err != nil {
		return "", dir, false
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > elementBytesMax || !dotfiles && hidden(element) {
			return "", dir, false
		}
	}
	return name, dir, true
}

// hidden reports whether an element of a name is one that is not shown. On Windows, .git may have a second name, GIT~1.
func hidden(element string) bool {
	return element[0] == '.' || runtime.GOOS == "windows" && strings.Contains(element, "~")
}

// join returns the name of a file in a directory.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// base returns the last element of a name.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
