package native

import "slices"

// Fields whose value is a list may have several lines, which mean the same as one line with commas (RFC 9110, section 5.3).

// Lists reports whether a line of a field that has been set, a comma-separated list, has element: the whole of it, in any
// case. A comma within quotes ends an element too.
func (w *Response) Lists(name, element string) bool {
	w.compose()
	for _, a := range w.fields.at {
		line := w.fields.lines[a.from:a.to]
		if a.name == len(name) && equalFold(line[:a.name], name) && hasElement(line[a.name+2:len(line)-2], element) {
			return true
		}
	}
	return false
}

// Vary says that the response depends on the request's field of that name (RFC 9110, section 12.5.5): it becomes part of the
// Vary field, unless that has it, or "*". It does nothing once the response has begun, and panics for a name that is not a
// token.
func (w *Response) Vary(name string) {
	checkName(name)
	w.compose()
	if w.sentHead || w.Lists("Vary", name) || w.Lists("Vary", "*") {
		return
	}
	f := &w.fields
	for i := range f.at {
		if a := &f.at[i]; equalFold(f.lines[a.from:a.from+a.name], "Vary") {
			f.extend(i, name)
			return
		}
	}
	w.add("Vary", name)
}

// extend appends an element to the list in the i-th line. The lines behind it move.
func (f *fields) extend(i int, element string) {
	n := len(", ") + len(element)
	at := f.at[i].to - len("\r\n")
	f.lines = slices.Grow(f.lines, n)
	f.lines = f.lines[:len(f.lines)+n]
	copy(f.lines[at+n:], f.lines[at:])
	copy(f.lines[at:], ", ")
	copy(f.lines[at+len(", "):], element)
	f.at[i].to += n
	for k := i + 1; k < len(f.at); k++ {
		f.at[k].from += n
		f.at[k].to += n
	}
}

func hasElement(list []byte, element string) bool {
	for from := 0; from <= len(list); {
		to := from
		for to < len(list) && list[to] != ',' {
			to++
		}
		e := list[from:to]
		for len(e) > 0 && isSpace(e[0]) {
			e = e[1:]
		}
		for len(e) > 0 && isSpace(e[len(e)-1]) {
			e = e[:len(e)-1]
		}
		if equalFold(e, element) {
			return true
		}
		from = to + 1
	}
	return false
}
