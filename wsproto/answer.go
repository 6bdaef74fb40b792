package wsproto

import "encoding/base64"

// Request is what a client asks for in its opening handshake.
type Request struct {
	Target    string   // path and query
	Host      string   // with the port, unless it is the scheme's
	Protocols []string // subprotocols, the best first; none is fine
	Deflate   *Params  // the offer of permessage-deflate, or nil
	key       [keyLen]byte
}

// Append appends the head of the opening handshake, without the empty line at its end, so that more fields may follow.
// The key is made of 16 random bytes, new ones for each connection.
func (q *Request) Append(dst []byte, random [16]byte) []byte {
	base64.StdEncoding.Encode(q.key[:], random[:])
	dst = append(append(dst, "GET "...), q.Target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), q.Host...)
	dst = append(dst, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "...)
	dst = append(append(dst, q.key[:]...), "\r\n"...)
	for i, p := range q.Protocols {
		if i == 0 {
			dst = append(dst, "Sec-WebSocket-Protocol: "...)
		} else {
			dst = append(dst, ", "...)
		}
		dst = append(dst, p...)
	}
	if len(q.Protocols) > 0 {
		dst = append(dst, "\r\n"...)
	}
	if q.Deflate != nil {
		dst = append(q.Deflate.appendTo(append(dst, "Sec-WebSocket-Extensions: "...), true), "\r\n"...)
	}
	return dst
}

// Answer is the server's answer as the client sees it (RFC 6455, section 4.1). Show it every field, then Check. The zero value
// is ready.
type Answer struct {
	upgrade, connection bool
	upgrades, accepts   int
	protocols           int
	accept, protocol    []byte
	extensions          [][]byte
}

// Field takes a field of the answer, the value without the white space around it. It keeps views of some values, which must
// stay until Check has returned.
func (a *Answer) Field(name, value []byte) {
	switch {
	case fold(name, "upgrade"):
		a.upgrades, a.upgrade = a.upgrades+1, fold(value, "websocket")
	case fold(name, "connection"):
		a.connection = a.connection || lists(value, "upgrade")
	case fold(name, "sec-websocket-accept"):
		a.accepts, a.accept = a.accepts+1, value
	case fold(name, "sec-websocket-protocol"):
		a.protocols, a.protocol = a.protocols+1, value
	case fold(name, "sec-websocket-extensions"):
		a.extensions = append(a.extensions, value)
	}
}

// Check judges the answer to a request. It returns the subprotocol, or "", and what was agreed on for
// permessage-deflate, or nil. The error is an *Error without Status or Code: the client closes the connection.
func (a *Answer) Check(q *Request, status int) (protocol string, agreed *Params, err error) {
	if status != 101 {
		return "", nil, ErrAnswerStatus
	}
	if a.upgrades != 1 || !a.upgrade || !a.connection {
		return "", nil, ErrAnswerFields
	}
	var accept [28]byte
	if a.accepts != 1 || string(a.accept) != string(AppendAccept(accept[:0], q.key[:])) {
		return "", nil, ErrAnswerAccept
	}
	if a.protocols > 0 {
		for _, p := range q.Protocols {
			if string(a.protocol) == p {
				protocol = p
			}
		}
		if protocol == "" || a.protocols > 1 {
			return "", nil, ErrAnswerProto
		}
	}
	for _, line := range a.extensions {
		s := scanner{rest: line}
		for name, params := s.element(nil); name != nil; name, params = s.element(nil) {
			if q.Deflate == nil || agreed != nil || string(name) != extensionName {
				return "", nil, ErrAnswerExt
			}
			if agreed = new(Params); !agreed.read(params, false) || !q.Deflate.agrees(*agreed) {
				return "", nil, ErrAnswerParams
			}
		}
		if s.bad {
			return "", nil, ErrAnswerExt
		}
	}
	return protocol, agreed, nil
}
