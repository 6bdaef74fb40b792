package httpparse

import (
	"bytes"
	"encoding/binary"
)

// The last part of a request line as a little-endian word.
const (
	http10 = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '0'<<56
	http11 = http10 | 1<<56
)

// quickRequestLine reads a request line in origin form whose escapes are sound, and returns where the next line starts. It
// returns 0 if the line at b[i] is anything else; carefulRequestLine then accepts it or names the rule it breaks.
func (r *Request) quickRequestLine(b []byte, i int) int {
	method := i
	for i < len(b) && class[b[i]]&token != 0 {
		i++
	}
	if i == method || i+1 >= len(b) || b[i] != ' ' || b[i+1] != '/' {
		return 0
	}
	target := i + 1
	query := 0
	for i = target + 1; i < len(b); i++ {
		switch c := b[i]; {
		case class[c]&plain != 0:
			continue
		case c == '?':
			if query == 0 {
				query = i
			}
			continue
		case c == '%':
			if query != 0 || i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
				continue
			}
		}
		break
	}
	if i+11 > len(b) || b[i] != ' ' || b[i+9] != '\r' || b[i+10] != '\n' {
		return 0
	}
	switch binary.LittleEndian.Uint64(b[i+1:]) {
	case http11:
		r.Minor = 1
	case http10:
		r.Minor = 0
	default:
		return 0
	}
	r.Method, r.Target = span(method, target-1), span(target, i)
	r.setPath(target, i, query)
	return i + 11
}

// carefulRequestLine reads the request line b[i:end], CRLF excluded.
func (r *Request) carefulRequestLine(b []byte, i, end int) error {
	if i == end {
		return ErrEmptyLine
	}
	start := i
	for i < end && class[b[i]]&token != 0 {
		i++
	}
	switch {
	case i == end:
		return ErrRequestLine
	case i == start || b[i] != ' ':
		return ErrMethod
	}
	r.Method = span(start, i)
	i++
	start = i
	for i < end && b[i] != ' ' {
		i++
	}
	switch {
	case i == end && i == start:
		return ErrRequestLine
	case i == start:
		return ErrRequestSpace
	}
	r.Target = span(start, i)
	if err := checkTarget(b[start:i]); err != nil {
		return err
	}
	if i == end {
		return ErrRequestLine
	}
	if err := r.version(b[i+1 : end]); err != nil {
		return err
	}
	return r.form(b)
}

// version reads the protocol version: eight bytes, of which only two spellings are served.
func (r *Request) version(v []byte) error {
	for _, c := range v {
		if c == ' ' || c == '\t' {
			return ErrRequestSpace
		}
	}
	switch string(v) {
	case "HTTP/1.1":
		r.Minor = 1
		return nil
	case "HTTP/1.0":
		r.Minor = 0
		return nil
	}
	if len(v) != 8 || string(v[:5]) != "HTTP/" || !isDigit(v[5]) || v[6] != '.' || !isDigit(v[7]) {
		return ErrVersionSyntax
	}
	r.Preface = string(v) == "HTTP/2.0"
	if !r.Preface {
		return ErrVersion
	}
	return nil
}

// checkTarget checks what all four forms have in common. Bytes above 0x7f and the unwise ASCII ones ("<>\^`{|}) pass, as
// they do in net/http; so do odd escapes in the query, which belongs to the application.
func checkTarget(t []byte) error {
	query := false
	for i, c := range t {
		switch {
		case c <= ' ' || c == 0x7f:
			return ErrTargetByte
		case c == '#':
			return ErrTargetFragment
		case c == '?':
			query = true
		case c == '%' && !query && (i+2 >= len(t) || !isHex(t[i+1]) || !isHex(t[i+2])):
			return ErrTargetEscape
		}
	}
	return nil
}

// form finds out which of the four forms the target has, and takes it apart.
func (r *Request) form(b []byte) error {
	t := r.Target.In(b)
	from, to := int(r.Target.Off), int(r.Target.Off+r.Target.Len)
	method := r.Method.In(b)
	if r.Preface {
		// RFC 9113, section 3.4. Every other message of another major version is refused.
		if string(method) != "PRI" || string(t) != "*" {
			return ErrVersion
		}
	}
	switch {
	case t[0] == '/': // with CONNECT too: net/rpc asks like that
		r.setPath(from, to, index(b, from, to, '?'))
		return nil
	case string(t) == "*":
		// With a method other than OPTIONS too: what has no other meaning anywhere is the handler's to refuse.
		r.Form, r.Path = Asterisk, r.Target
		return nil
	case string(method) == "CONNECT":
		r.Form, r.Host = Authority, r.Target
		return checkAuthority(t, true)
	}
	// absolute-form = scheme "://" authority path-abempty [ "?" query ]
	i := from
	for i < to && (isAlpha(b[i]) || i > from && (isDigit(b[i]) || b[i] == '+' || b[i] == '-' || b[i] == '.')) {
		i++
	}
	if i == from || i+3 > to || string(b[i:i+3]) != "://" {
		return ErrTargetForm
	}
	r.Form, r.Scheme = Absolute, span(from, i)
	host := i + 3
	for i = host; i < to && b[i] != '/' && b[i] != '?'; {
		i++
	}
	r.Host = span(host, i)
	r.setPath(i, to, index(b, i, to, '?'))
	return checkAuthority(b[host:i], false)
}

// setPath divides b[from:to] at query, the offset of the question mark or 0.
func (r *Request) setPath(from, to, query int) {
	if query == 0 {
		r.Path = span(from, to)
		return
	}
	r.Path, r.Query, r.HasQuery = span(from, query), span(query+1, to), true
}

// index returns the offset of the first c in b[from:to], or 0.
func index(b []byte, from, to int, c byte) int {
	for i := from; i < to; i++ {
		if b[i] == c {
			return i
		}
	}
	return 0
}

// checkAuthority checks host [":" port]. CONNECT must name a port (RFC 9110, section 9.3.6). The host may not be empty:
// an http URI without a host is invalid (RFC 9110, section 4.2.1), and nobody would know whom it is for.
func checkAuthority(a []byte, needPort bool) error {
	if bytes.IndexByte(a, '@') >= 0 {
		return ErrTargetUserinfo
	}
	i := 0
	if len(a) > 0 && a[0] == '[' {
		// An IPv6 address, perhaps with a zone (RFC 6874): [fe80::1%25en0]. Its bytes are checked, its groups are not counted.
		zone := false
		for i = 1; i < len(a) && a[i] != ']'; i++ {
			zone = zone || i > 1 && bytes.HasPrefix(a[i:], []byte("%25"))
			inAddress := isHex(a[i]) || a[i] == ':' || a[i] == '.'
			inZone := zone && class[a[i]]&hostByte != 0 && a[i] != '['
			if !inAddress && !inZone {
				return ErrTargetAuthority
			}
		}
		if i < 2 || i == len(a) {
			return ErrTargetAuthority
		}
		i++
	} else {
		for i < len(a) && a[i] != ':' {
			// An escape stands for a byte of UTF-8. An escaped ASCII byte could only hide a delimiter.
			if class[a[i]]&hostByte == 0 || a[i] == '[' || a[i] == ']' || a[i] == '%' && a[i+1] < '8' {
				return ErrTargetAuthority
			}
			i++
		}
		if i == 0 {
			return ErrTargetAuthority
		}
	}
	if i == len(a) {
		if needPort {
			return ErrTargetAuthority
		}
		return nil
	}
	if a[i] != ':' {
		return ErrTargetAuthority
	}
	port, digits := 0, 0
	for _, c := range a[i+1:] {
		if !isDigit(c) {
			return ErrTargetAuthority
		}
		if digits++; port <= 65535 {
			port = port*10 + int(c-'0')
		}
	}
	if port > 65535 || needPort && (digits == 0 || port == 0) {
		return ErrTargetAuthority
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
