package wsproto

// The values of the fields of an opening handshake are lists, and one scanner reads them all:
//
//	list      = element *( OWS "," OWS element )
//	element   = token *( OWS ";" OWS token [ "=" ( token / quoted ) ] )
//
// Connection and Sec-WebSocket-Protocol have elements without parameters; those of Upgrade may have a version behind a
// slash instead. As RFC 9110, section 5.6.1 asks of recipients, empty elements are passed over.

// param is a parameter of an extension. The value has lost its quotes; has is false if there is none.
type param struct {
	name, value []byte
	has         bool
}

// scanner stands in a field value. After something that is not in the grammar, bad is true and there is nothing left.
type scanner struct {
	rest []byte
	bad  bool
}

// element returns the next element's name and its parameters, which it appends to those given. Both are views of the
// field value, and valid as long as that is. It returns nil at the end.
func (s *scanner) element(params []param) (name []byte, _ []param) {
	if !s.more() {
		return nil, params
	}
	name = s.token()
	for s.space(); s.skip(';'); s.space() {
		s.space()
		p := param{name: s.token()}
		if s.skip('=') {
			p.has, p.value = true, s.value()
		}
		params = append(params, p)
	}
	if s.end(); s.bad {
		return nil, params
	}
	return name, params
}

// more passes over what stands before an element, and reports whether there is one.
func (s *scanner) more() bool {
	for s.space(); s.skip(','); s.space() {
	}
	return len(s.rest) > 0
}

// end takes what must stand behind an element.
func (s *scanner) end() {
	if s.space(); len(s.rest) > 0 && !s.skip(',') {
		s.fail()
	}
}

func (s *scanner) fail() { s.bad, s.rest = true, nil }

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\t') {
		s.rest = s.rest[1:]
	}
}

func (s *scanner) skip(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) token() []byte {
	n := 0
	for n < len(s.rest) && tokenByte[s.rest[n]] {
		n++
	}
	if n == 0 {
		s.fail()
		return nil
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t
}

// value takes a token, in quotes or not. What is inside quotes must be a token as well (RFC 6455, section 9.1), and a token
// has nothing that needs a backslash.
func (s *scanner) value() []byte {
	if !s.skip('"') {
		return s.token()
	}
	t := s.token()
	if !s.skip('"') {
		s.fail()
	}
	return t
}

// tokenByte is RFC 9110, section 5.6.2.
var tokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// lists reports whether the value is a list of tokens with this one, which is given in lower case.
func lists(value []byte, token string) (found bool) {
	s := scanner{rest: value}
	for s.more() {
		found = fold(s.token(), token) || found
		s.end()
	}
	return found && !s.bad
}

// upgrades reports whether the value is a list of protocols, versions behind their names or not, with websocket, which has
// none (RFC 9110, section 7.8).
func upgrades(value []byte) (found bool) {
	s := scanner{rest: value}
	for s.more() {
		name := s.token()
		if s.skip('/') {
			s.token()
		} else {
			found = fold(name, "websocket") || found
		}
		s.end()
	}
	return found && !s.bad
}

// fold compares with a name in lower case, without regard to case (ASCII).
func fold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != name[i] {
			return false
		}
	}
	return true
}
