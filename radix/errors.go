package radix

import "strconv"

// PatternError says why a pattern cannot be read.
type PatternError struct {
	Pattern string
	Offset  int // in bytes, into Pattern
	Reason  string
}

func (e *PatternError) Error() string {
	return "pattern " + strconv.Quote(e.Pattern) + ", offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// ConflictError says that a request would match two patterns of which neither is more specific than the other.
type ConflictError struct {
	Pattern string // the one that was refused
	Rival   string // the one that was there before
	Path    string // escaped, and matched by both
	Reason  string
}

func (e *ConflictError) Error() string {
	return "pattern " + strconv.Quote(e.Pattern) + " conflicts with pattern " + strconv.Quote(e.Rival) + ": " + e.Reason
}
