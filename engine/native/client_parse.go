package native

import (
	"bytes"
	"net/netip"
	"strconv"
)

// element is one of the list in Forwarded: what one proxy says. What it does not say is nil.
type element struct{ node, proto, host []byte }

// elements reads the value of a Forwarded field (RFC 7239, section 4). It returns the number of its elements, of which
// the last ones are in last, each in the place of its number modulo that array's size, and whether all of the value is as
// it should be. What is quoted is a view, unless there is something to be unquoted in it.
func elements(value []byte, last *[ProxyHopsMax]element) (n int, ok bool) {
	i := 0
	space := func() {
		for i < len(value) && (value[i] == ' ' || value[i] == '\t') {
			i++
		}
	}
	for {
		var e element
		empty := true
		for { // pairs
			space()
			if i == len(value) || value[i] == ',' {
				break
			}
			if value[i] == ';' {
				i++
				continue
			}
			name, rest := token(value[i:])
			if len(name) == 0 || len(rest) == 0 || rest[0] != '=' {
				return n, false
			}
			v, rest, ok := tokenOrString(rest[1:])
			if !ok {
				return n, false
			}
			i = len(value) - len(rest)
			if space(); i < len(value) && value[i] != ';' && value[i] != ',' {
				return n, false
			}
			empty = false
			var field *[]byte
			switch {
			case equalFold(name, "for"):
				field = &e.node
			case equalFold(name, "proto"):
				field = &e.proto
			case equalFold(name, "host"):
				field = &e.host
			default: // by, and what is yet to come
				continue
			}
			if *field != nil {
				return n, false // each at most once
			}
			*field = v
		}
		if !empty {
			last[n%len(last)] = e
			n++
		}
		if i == len(value) {
			return n, true
		}
		i++ // the comma
	}
}

// token is the longest token (RFC 9110, section 5.6.2) that b begins with.
func token(b []byte) (t, rest []byte) {
	n := 0
	for n < len(b) && tokenBytes[b[n]] {
		n++
	}
	return b[:n:n], b[n:]
}

// tokenOrString is the value of a pair, which is not nil if it is there.
func tokenOrString(b []byte) (v, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		v, rest = token(b)
		return v, rest, len(v) > 0
	}
	escaped := false
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if v, rest = b[1:i:i], b[i+1:]; escaped {
				v = unquoted(v)
			}
			return v, rest, true
		}
	}
	return nil, nil, false
}

func unquoted(v []byte) []byte {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' {
			i++ // there is one more: the string's end is not escaped
		}
		out = append(out, v[i])
	}
	return out
}

// cutLast cuts the last element off a list of values without strings.
func cutLast(list []byte) (rest, last []byte) {
	at := bytes.LastIndexByte(list, ',')
	return list[:max(at, 0)], bytes.Trim(list[at+1:], " \t")
}

// nodeMax bounds the text of an address with its port.
const nodeMax = len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535")

// node reads a node of Forwarded (RFC 7239, section 6), if it is an address: an IPv6 address stands in brackets, and a port
// that is not a number counts as none. "unknown" and identifiers like "_hidden" are no addresses.
func node(b []byte) (a netip.AddrPort, ok bool) {
	if len(b) == 0 || len(b) > nodeMax {
		return a, false
	}
	var ip, rest []byte
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || bytes.IndexByte(b[:end], ':') < 0 {
			return a, false
		}
		ip, rest = b[1:end], b[end+1:]
	} else {
		end := bytes.IndexByte(b, ':')
		if end < 0 {
			end = len(b)
		}
		ip, rest = b[:end], b[end:]
	}
	addr, err := netip.ParseAddr(string(ip))
	if err != nil || addr.Zone() != "" {
		return a, false
	}
	port := uint64(0)
	if len(rest) > 0 {
		if rest[0] != ':' || len(rest) == 1 {
			return a, false
		}
		if rest[1] != '_' {
			if port, err = strconv.ParseUint(string(rest[1:]), 10, 16); err != nil {
				return a, false
			}
		}
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// bareNode is node for the older fields, where IPv6 addresses come without brackets, too.
func bareNode(b []byte) (a netip.AddrPort, ok bool) {
	if len(b) > 0 && len(b) <= nodeMax && bytes.Count(b, []byte(":")) > 1 && b[0] != '[' {
		addr, err := netip.ParseAddr(string(b))
		return netip.AddrPortFrom(addr.Unmap(), 0), err == nil && addr.Zone() == ""
	}
	return node(b)
}

// scheme is one of the two that there are, or "".
func scheme(b []byte) string {
	switch {
	case equalFold(b, "https"):
		return "https"
	case equalFold(b, "http"):
		return "http"
	}
	return ""
}

// hostMax bounds a host in bytes: a name has at most 253, and there may be a port.
const hostMax = 260

// host is b if it may be a host, perhaps with a port, else nil: what is put into links and redirects must not be able to
// be anything else there.
func host(b []byte) []byte {
	if len(b) == 0 || len(b) > hostMax {
		return nil
	}
	for _, c := range b {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && !(c >= '0' && c <= ':') && c != '.' && c != '-' && c != '_' && c != '[' && c != ']' {
			return nil
		}
	}
	return b
}
