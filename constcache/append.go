package constcache

// Ask is what of a request decides between the variants of an answer. The zero value but for Minor: 1 is the plain GET.
//
// Of a field that the request does not have, the value is nil. If it has several lines of one, their values are joined with
// a comma (RFC 9110, section 5.3).
type Ask struct {
	// Head is set for HEAD; otherwise the method is GET.
	Head bool
	// Close is set if the connection ends after the answer, for whatever reason.
	Close bool
	// Minor is the request's minor version: 0 for HTTP/1.0.
	Minor uint8

	AcceptEncoding, IfNoneMatch, IfModifiedSince []byte
}

// plain reports whether the request asks for the body as it is, without a condition.
func (ask *Ask) plain() bool {
	return len(ask.AcceptEncoding)|len(ask.IfNoneMatch)|len(ask.IfModifiedSince) == 0
}

func (ask *Ask) form() int {
	form := 0
	if ask.Close {
		form = formClose
	}
	if ask.Minor == 0 {
		form |= formHTTP10
	}
	return form
}

// dateSize is the size of a date in the preferred form (RFC 9110, section 5.6.7), in bytes.
const dateSize = len(dateLayout)

// Append appends the response to out: head, and the body if the answer has one for this request. date is the value of
// the Date field, 29 bytes. It allocates nothing if out has room.
func (a *Answer) Append(out, date []byte, ask *Ask) []byte {
	v := &a.variants[0]
	if !ask.plain() {
		v = a.selected(ask.AcceptEncoding)
		if a.isUnmodified(v, ask) {
			return appendDated(out, v.heads304[ask.form()], dateAt304, date)
		}
	}
	form := ask.form()
	if form == 0 && !ask.Head {
		return appendDated(out, v.whole, a.dateAt, date)
	}
	out = appendDated(out, v.heads[form], a.dateAt, date)
	if ask.Head {
		return out
	}
	return append(out, v.body...)
}

// AppendHead appends the response's head to out, and returns the body that has to follow it, which is empty for HEAD and
// 304: for senders that do not copy large bodies. The body must not be changed; it is valid for ever.
func (a *Answer) AppendHead(out, date []byte, ask *Ask) (head, body []byte) {
	v := a.selected(ask.AcceptEncoding)
	if a.isUnmodified(v, ask) {
		return appendDated(out, v.heads304[ask.form()], dateAt304, date), nil
	}
	out = appendDated(out, v.heads[ask.form()], a.dateAt, date)
	if ask.Head {
		return out, nil
	}
	return out, v.body
}

// Parts returns the response that Append would append, for senders that write heads themselves: the fields are
// without Date, Content-Length and Connection, and the body is that of GET also for HEAD. Neither may be
// changed; both are valid for ever.
func (a *Answer) Parts(ask *Ask) (status int, fields []Field, body []byte) {
	v := a.selected(ask.AcceptEncoding)
	if a.isUnmodified(v, ask) {
		return 304, v.unmodified, nil
	}
	return a.status, v.fields, v.body
}

// Status returns the status of the answer where it is not 304.
func (a *Answer) Status() int { return a.status }

// Size returns the length of the body without a coding, in bytes.
func (a *Answer) Size() int { return len(a.variants[0].body) }

var dateAt304 = len(appendStatusLine(nil, 1, 304)) + len(datePrefix)

// appendDated appends a response and writes the date over the one it has at the offset at.
func appendDated(out, response []byte, at int, date []byte) []byte {
	at += len(out)
	out = append(out, response...)
	copy(out[at:at+dateSize], date)
	return out
}
