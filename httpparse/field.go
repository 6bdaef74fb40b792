package httpparse

// A field line is read twice at most. quickField takes the line that nearly every peer sends: a token, a colon, one
// space, a value without HT, CRLF. Whatever is not exactly that goes to carefulField, which knows every rule and names
// the broken one; it alone refuses. The quick path accepts nothing that the careful one would not accept the same way.

// quickField reads the field line at b[i]. It returns where the next line starts, or 0 if it cannot say.
func quickField(b []byte, i int, f *Field) int {
	start := i
	i = colonFrom(b, i)
	if i == start || i+1 >= len(b) {
		return 0
	}
	colon := i
	if f.ID, f.Canonical = identify(b[start:colon]); f.ID == 0 && !isToken(b[start:colon]) {
		return 0
	}
	if i++; b[i] == ' ' {
		i++
	}
	from := i
	i = textEnd(b, i)
	if i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
		return 0
	}
	to := i
	for from < to && b[from] == ' ' {
		from++
	}
	for to > from && b[to-1] == ' ' {
		to--
	}
	f.Name, f.Value = span(start, colon), span(from, to)
	return i + 2
}

// carefulField reads the field line b[i:end], CRLF excluded, byte by byte. first: no field line came before it.
func carefulField(b []byte, i, end int, first bool, f *Field) error {
	start := i
	if i < end && (b[i] == ' ' || b[i] == '\t') {
		if first {
			return ErrIndented
		}
		return ErrObsFold
	}
	for i < end && class[b[i]]&token != 0 {
		i++
	}
	if i == end {
		return ErrFieldColon
	}
	if b[i] != ':' {
		return nameFault(b[i:end])
	}
	if i == start {
		return ErrFieldNameEmpty
	}
	colon := i
	for i++; i < end && (b[i] == ' ' || b[i] == '\t'); {
		i++
	}
	from, to := i, end
	for to > from && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	for _, c := range b[from:to] {
		if class[c]&text == 0 {
			return ErrFieldValue
		}
	}
	f.Name, f.Value = span(start, colon), span(from, to)
	f.ID, f.Canonical = identify(b[start:colon])
	return nil
}

// nameFault says what is wrong with a field name, given the line from the first byte on that no token has.
func nameFault(rest []byte) error {
	i := 0
	for i < len(rest) && (rest[i] == ' ' || rest[i] == '\t') {
		i++
	}
	if i > 0 && i < len(rest) && rest[i] == ':' {
		return ErrFieldNameSpace
	}
	for _, c := range rest {
		if c == ':' {
			return ErrFieldName
		}
	}
	return ErrFieldColon
}

// field reads the field line at b[i] and returns where the next line starts.
func (c *cursor) field(b []byte, i, sizeMax int, tooLarge *Error, first bool, f *Field) (next int, err error) {
	next = quickField(b, i, f)
	if next == 0 {
		end, err := c.line(b, i, sizeMax, tooLarge)
		if err != nil {
			return 0, err
		}
		return end + 2, carefulField(b, i, end, first, f)
	}
	if next > sizeMax {
		return 0, tooLarge
	}
	return next, nil
}
