package wsproto

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// keyLen is the length of a key: base64 of 16 bytes.
const keyLen = 24

// Opening is a client's opening handshake as a server sees it (RFC 6455, section 4.2.1). Show it every field of the request, then
// Check; what was asked for is known after that. It keeps views of the values that it is shown, and is valid as long as
// they are. The zero value is ready.
type Opening struct {
	hosts, keys, versions int
	origins               int
	upgrade, connection   bool
	version, body         bool
	host, key, origin     []byte
	protocols, extensions [][]byte
}

// Field takes a field of the request, the value without the white space around it. Names are compared without regard to
// case; most are none of its business. A name that comes several times is shown as often.
func (o *Opening) Field(name, value []byte) {
	switch {
	case fold(name, "host"):
		o.hosts, o.host = o.hosts+1, value
	case fold(name, "upgrade"):
		o.upgrade = o.upgrade || upgrades(value)
	case fold(name, "connection"):
		o.connection = o.connection || lists(value, "upgrade")
	case fold(name, "sec-websocket-key"):
		o.keys, o.key = o.keys+1, value
	case fold(name, "sec-websocket-version"):
		o.versions, o.version = o.versions+1, string(value) == "13"
	case fold(name, "sec-websocket-protocol"):
		o.protocols = append(o.protocols, value)
	case fold(name, "sec-websocket-extensions"):
		o.extensions = append(o.extensions, value)
	case fold(name, "origin"):
		o.origins, o.origin = o.origins+1, value
		if value == nil {
			o.origin = []byte{}
		}
	case fold(name, "content-length"):
		o.body = o.body || string(value) != "0"
	case fold(name, "transfer-encoding"):
		o.body = true
	}
}

// Check judges the request. The error is an *Error with the Status to answer. An answer of 426 needs the
// fields of RefusalFields.
func (o *Opening) Check(method, proto []byte) error {
	switch {
	case string(method) != "GET":
		return ErrMethod
	case string(proto) != "HTTP/1.1":
		return ErrProto
	case o.hosts != 1:
		return ErrHost
	case !o.upgrade:
		return ErrUpgrade
	case !o.connection:
		return ErrConnection
	case o.versions != 1 || !o.version:
		return ErrVersion
	case o.keys != 1 || !validKey(o.key):
		return ErrKey
	case o.body:
		return ErrBody
	case o.origins > 1:
		return ErrOrigin
	case !o.protocolsValid():
		return ErrProtocolList
	}
	for _, line := range o.extensions {
		s := scanner{rest: line}
		for name, _ := s.element(nil); name != nil; name, _ = s.element(nil) {
		}
		if s.bad {
			return ErrExtList
		}
	}
	return nil
}

// validKey: RFC 6455, section 4.1, item 7.
func validKey(key []byte) bool {
	if len(key) != keyLen {
		return false
	}
	var nonce [keyLen / 4 * 3]byte
	n, err := base64.StdEncoding.Decode(nonce[:], key)
	return err == nil && n == 16
}

// protocolsValid: tokens without parameters, none twice (RFC 6455, section 4.1, item 10).
func (o *Opening) protocolsValid() bool {
	var seen [][]byte
	for _, line := range o.protocols {
		s := scanner{rest: line}
		for {
			name, params := s.element(nil)
			if name == nil {
				break
			}
			if len(params) > 0 || len(seen) == protocolsMax {
				return false
			}
			for _, other := range seen {
				if bytes.Equal(name, other) {
					return false
				}
			}
			seen = append(seen, name)
		}
		if s.bad {
			return false
		}
	}
	return true
}

// protocolsMax and offersMax bound the lists of a handshake: they are compared with each other, element by element.
const (
	protocolsMax = 64
	offersMax    = 64
)

// Origin returns the value of the Origin field, nil without one: then it is no page that asks. An empty field is empty and
// not nil, and names no origin. After a Check without error there is one at most. The value is a view, and valid as long as
// the request's fields are.
func (o *Opening) Origin() []byte { return o.origin }

// CheckOrigin returns ErrOrigin if the request comes from a page of another host than these, which are written as browsers do:
// with the port unless it is the scheme's. Without hosts, it is the one that the request is made to. So does it if the page
// does not say where it comes from: null, an empty field, more than one, or what is not a scheme and a host alone (RFC 6454,
// section 6.2). It is what a server should ask for unless it knows better, because browsers let any page open a WebSocket
// to any host, with the user's cookies (RFC 6455, section 10.2). The scheme is not compared: behind a proxy it is not known.
func (o *Opening) CheckOrigin(hosts ...string) error {
	if o.origins == 0 {
		return nil
	}
	scheme, host, _ := bytes.Cut(o.origin, []byte("://"))
	if o.origins > 1 || len(scheme) == 0 || len(host) == 0 {
		return ErrOrigin
	}
	if len(hosts) == 0 && bytes.EqualFold(host, o.host) {
		return nil
	}
	for _, h := range hosts {
		if strings.EqualFold(string(host), h) {
			return nil
		}
	}
	return ErrOrigin
}

// Protocol returns the first of the client's subprotocols that the server knows as well, or "": the client lists them in
// the order of its preference (RFC 6455, section 4.1, item 10).
func (o *Opening) Protocol(known ...string) string {
	for _, line := range o.protocols {
		s := scanner{rest: line}
		for name, _ := s.element(nil); name != nil; name, _ = s.element(nil) {
			for _, k := range known {
				if string(name) == k {
					return k
				}
			}
		}
	}
	return ""
}

// Deflate looks for an offer of permessage-deflate that can be accepted, and answers it with what the server is willing
// to do. Offers with parameters that are unknown or wrong are declined, and the next one is looked at (RFC 7692, section 5.1).
// Without an offer ok is false, and nothing is compressed.
func (o *Opening) Deflate(willing Params) (agreed Params, ok bool) {
	var params []param
	offers := 0
	for _, line := range o.extensions {
		s := scanner{rest: line}
		for {
			var name []byte
			if name, params = s.element(params[:0]); name == nil {
				break
			}
			var offer Params
			if offers++; offers <= offersMax && string(name) == extensionName && offer.read(params, true) {
				return willing.answer(offer), true
			}
		}
	}
	return Params{}, false
}

// AppendAnswer appends the head of the server's answer, without the empty line at its end, so that more fields may
// follow. No Protocol is "", and no extension nil. It must follow a Check without error.
func (o *Opening) AppendAnswer(dst []byte, protocol string, agreed *Params) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(AppendAccept(dst, o.key), "\r\n"...)
	if protocol != "" {
		dst = append(append(append(dst, "Sec-WebSocket-Protocol: "...), protocol...), "\r\n"...)
	}
	if agreed != nil {
		dst = append(agreed.appendTo(append(dst, "Sec-WebSocket-Extensions: "...), false), "\r\n"...)
	}
	return dst
}

// RefusalFields are what an answer with status 426 tells the client besides (RFC 6455, section 4.4, and RFC 9110, section 15.5.22).
const RefusalFields = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

// AppendAccept appends the value of Sec-WebSocket-Accept for a key: base64 of the SHA-1 of key and a UUID (RFC 6455,
// section 4.2.2), which no server computes by accident.
func AppendAccept(dst, key []byte) []byte {
	const uuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	var text [keyLen + len(uuid)]byte
	sum := sha1.Sum(append(append(text[:0], key...), uuid...))
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
