package httpparse

// Span is a part of a buffer: offset and length in bytes.
type Span struct{ Off, Len uint32 }

// In returns the bytes of b that s denotes: a view, valid as long as b's bytes stay where they are.
func (s Span) In(b []byte) []byte { return b[s.Off : s.Off+s.Len : s.Off+s.Len] }

// InString is In for a string made of the same bytes.
func (s Span) InString(b string) string { return b[s.Off : s.Off+s.Len] }

func span(from, to int) Span { return Span{uint32(from), uint32(to - from)} }
