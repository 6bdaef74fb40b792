package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// Progress is one line that changes in place on a terminal. Elsewhere it prints a line only for each note.
type Progress struct {
	w        io.Writer
	terminal bool
	width    int
}

// NewProgress shows on w, if that is a terminal.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// Show replaces the line.
func (p *Progress) Show(format string, args ...any) {
	if !p.terminal {
		return
	}
	s := fmt.Sprintf(format, args...)
	n := utf8.RuneCountInString(s)
	fmt.Fprintf(p.w, "\r%s%s", s, strings.Repeat(" ", max(0, p.width-n)))
	p.width = n
}

// Note is Show on a terminal, and a line of its own elsewhere.
func (p *Progress) Note(format string, args ...any) {
	if p.terminal {
		p.Show(format, args...)
		return
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

// Clear takes the line away.
func (p *Progress) Clear() {
	if p.terminal && p.width > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}
