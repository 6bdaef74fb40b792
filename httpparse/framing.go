package httpparse

// What the fields mean for the connection. Request smuggling is two readers who disagree about where a message ends, so
// nothing here picks one of two possible readings: both are refused. The hard case is
//
//	Content-Length: 6
//	Transfer-Encoding: chunked
//
// RFC 9112, section 6.3, lets Transfer-Encoding win. A front server that did not, or that did not see the
// second line for what it is, sends the rest as another client's request.

// Facts that field lines state one by one, until conclude puts them together.
const (
	saysHost uint16 = 1 << iota
	saysLength
	saysCoding
	saysClose
	saysKeepAlive
	saysUpgrade  // Connection: upgrade
	namesUpgrade // an Upgrade field
	saysContinue
	saysTrailer
	announcesFraming // Trailer: Content-Length and the like
)

// meaning notes what one of the first few known fields says.
func (r *Request) meaning(b []byte, f *Field) error {
	v := f.Value.In(b)
	switch f.ID {
	case FieldHost:
		if r.says&saysHost != 0 {
			return ErrHostRepeated
		}
		// The bytes are checked, not the grammar: net/http serves "::1" and an empty Host, and so do we.
		for _, c := range v {
			if class[c]&hostByte == 0 {
				return ErrHost
			}
		}
		r.says |= saysHost
		if r.Form == Origin || r.Form == Asterisk {
			r.Host = f.Value
		}
	case FieldContentLength:
		return r.length(v)
	case FieldTransferEncoding:
		return r.coding(v)
	case FieldConnection:
		eachElement(v, func(e []byte) {
			switch {
			case equalFold(e, "close"):
				r.says |= saysClose
			case equalFold(e, "keep-alive"):
				r.says |= saysKeepAlive
			case equalFold(e, "upgrade"):
				r.says |= saysUpgrade
			}
		})
	case FieldExpect:
		eachElement(v, func(e []byte) {
			if equalFold(e, "100-continue") {
				r.says |= saysContinue
			} else {
				r.ExpectOther = true
			}
		})
	case FieldUpgrade:
		r.says |= namesUpgrade
	case FieldTrailer:
		eachElement(v, func(e []byte) {
			switch LookupField(e) {
			case FieldContentLength, FieldTransferEncoding, FieldTrailer:
				r.says |= announcesFraming
			}
		})
	}
	return nil
}

// length reads a Content-Length: digits and nothing else, no list, no repetition, no wrap.
func (r *Request) length(v []byte) error {
	const lengthMax = 1<<63 - 1
	n := uint64(0)
	for _, c := range v {
		if !isDigit(c) {
			return ErrLength
		}
		if n > lengthMax/10 {
			n = lengthMax + 1 // and it stays there
			continue
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case len(v) == 0:
		return ErrLength
	case n > lengthMax:
		return ErrLengthOverflow
	case r.says&saysLength != 0:
		return ErrLengthRepeated
	case r.says&saysCoding != 0:
		return ErrLengthAndCoding
	}
	r.says |= saysLength
	r.ContentLength = int64(n)
	return nil
}

// coding reads a Transfer-Encoding. The only one served is chunked, once and alone; HTTP/1.0 has none
// (RFC 9112, section 6.1: such framing is faulty).
func (r *Request) coding(v []byte) error {
	switch {
	case r.Minor == 0:
		return ErrCodingHTTP10
	case r.says&saysCoding != 0:
		return ErrCodingRepeated
	case !equalFold(v, "chunked"):
		return ErrCoding
	case r.says&saysLength != 0:
		return ErrLengthAndCoding
	}
	r.says |= saysCoding
	return nil
}

// conclude decides, at the end of the head, what follows it.
func (r *Request) conclude(b []byte) error {
	says := r.says
	if r.Preface {
		if len(r.Fields) > 0 {
			return ErrVersion
		}
		r.ConnClose = true
		return nil
	}
	// CONNECT is excused, as in net/http: its target says the same.
	if says&saysHost == 0 && r.Minor == 1 && string(r.Method.In(b)) != "CONNECT" {
		return ErrHostMissing
	}
	switch {
	case says&saysCoding != 0:
		if says&announcesFraming != 0 {
			return ErrTrailerAnnounce
		}
		r.Body = ChunkedBody
	case r.ContentLength > 0:
		r.Body = LengthBody
	}
	r.ConnClose = says&saysClose != 0
	r.KeepAlive = !r.ConnClose && (r.Minor == 1 || says&saysKeepAlive != 0)
	// An HTTP/1.0 client knows neither (RFC 9110, sections 7.8 and 10.1.1).
	r.Upgrade = says&(saysUpgrade|namesUpgrade) == saysUpgrade|namesUpgrade && r.Minor == 1
	r.Expect100 = says&saysContinue != 0 && r.Minor == 1
	return nil
}

// eachElement calls f with each non-empty element of a comma-separated list (RFC 9110, section 5.6.1).
func eachElement(v []byte, f func([]byte)) {
	for len(v) > 0 {
		i := 0
		for i < len(v) && v[i] != ',' {
			i++
		}
		e := v[:i]
		for len(e) > 0 && (e[0] == ' ' || e[0] == '\t') {
			e = e[1:]
		}
		for len(e) > 0 && (e[len(e)-1] == ' ' || e[len(e)-1] == '\t') {
			e = e[:len(e)-1]
		}
		if len(e) > 0 {
			f(e)
		}
		v = v[min(i+1, len(v)):]
	}
}
