package wsproto

import "strconv"

// The names of RFC 7692, section 7.1.
const (
	extensionName           = "permessage-deflate"
	serverNoContextTakeover = "server_no_context_takeover"
	clientNoContextTakeover = "client_no_context_takeover"
	serverMaxWindowBits     = "server_max_window_bits"
	clientMaxWindowBits     = "client_max_window_bits"
)

// Params are the four parameters of permessage-deflate (RFC 7692, section 7.1): what a client offers, what a server is
// willing to do, and what the two agree on. The zero value is the extension without parameters: both sides keep
// their context, with windows of 32 KB.
type Params struct {
	ServerNoContextTakeover bool // each message of the server's stands alone
	ClientNoContextTakeover bool // each message of the client's stands alone
	// ServerMaxWindowBits bounds the server's window, 8 to 15. 0: not said, which means 15.
	ServerMaxWindowBits int
	// ClientMaxWindowBits bounds the client's window, 8 to 15. 0: not said, which means 15. In an offer, 0 says that the
	// client will not hear of a bound, and 15 is sent without a number: it leaves the bound to the server.
	ClientMaxWindowBits int
}

// sends returns the window of what that side sends, and whether it outlives a message.
func (p Params) sends(role Role) (bits int, keeps bool) {
	bits, keeps = p.ServerMaxWindowBits, !p.ServerNoContextTakeover
	if role == Client {
		bits, keeps = p.ClientMaxWindowBits, !p.ClientNoContextTakeover
	}
	if bits == 0 {
		bits = 15
	}
	return bits, keeps
}

// appendTo writes an element of Sec-WebSocket-Extensions.
func (p Params) appendTo(dst []byte, offer bool) []byte {
	dst = append(dst, extensionName...)
	if p.ServerNoContextTakeover {
		dst = append(dst, "; "+serverNoContextTakeover...)
	}
	if p.ClientNoContextTakeover {
		dst = append(dst, "; "+clientNoContextTakeover...)
	}
	if p.ServerMaxWindowBits != 0 {
		dst = strconv.AppendInt(append(dst, "; "+serverMaxWindowBits+"="...), int64(p.ServerMaxWindowBits), 10)
	}
	if p.ClientMaxWindowBits != 0 {
		dst = append(dst, "; "+clientMaxWindowBits...)
		if !offer || p.ClientMaxWindowBits != 15 {
			dst = strconv.AppendInt(append(dst, '='), int64(p.ClientMaxWindowBits), 10)
		}
	}
	return dst
}

// read takes the parameters of one element. It reports false for what section 7.1 says to decline or to refuse: unknown
// names, a name twice, a value where none belongs, or a wrong one.
func (p *Params) read(params []param, offer bool) bool {
	for _, q := range params {
		switch string(q.name) {
		case serverNoContextTakeover:
			if q.has || p.ServerNoContextTakeover {
				return false
			}
			p.ServerNoContextTakeover = true
		case clientNoContextTakeover:
			if q.has || p.ClientNoContextTakeover {
				return false
			}
			p.ClientNoContextTakeover = true
		case serverMaxWindowBits:
			bits := windowBits(q.value)
			if bits == 0 || p.ServerMaxWindowBits != 0 {
				return false
			}
			p.ServerMaxWindowBits = bits
		case clientMaxWindowBits:
			bits := windowBits(q.value)
			if !q.has && offer {
				bits = 15
			}
			if bits == 0 || p.ClientMaxWindowBits != 0 {
				return false
			}
			p.ClientMaxWindowBits = bits
		default:
			return false
		}
	}
	return true
}

// windowBits reads 8 to 15, without leading zeros, or returns 0.
func windowBits(b []byte) int {
	switch {
	case len(b) == 1 && (b[0] == '8' || b[0] == '9'):
		return int(b[0] - '0')
	case len(b) == 2 && b[0] == '1' && '0' <= b[1] && b[1] <= '5':
		return 10 + int(b[1]-'0')
	}
	return 0
}

// answer is the server's to one offer (RFC 7692, section 7.1), by what the server is willing to do. The server keeps to
// whatever the client asks of it, and asks of the client what it may: a bound of the client's window only where the
// client has said that it knows of such a thing.
func (willing Params) answer(offer Params) (agreed Params) {
	agreed.ServerNoContextTakeover = offer.ServerNoContextTakeover || willing.ServerNoContextTakeover
	agreed.ClientNoContextTakeover = offer.ClientNoContextTakeover || willing.ClientNoContextTakeover
	agreed.ServerMaxWindowBits = least(offer.ServerMaxWindowBits, willing.ServerMaxWindowBits)
	if offer.ClientMaxWindowBits != 0 {
		if bits := least(offer.ClientMaxWindowBits, willing.ClientMaxWindowBits); bits < 15 {
			agreed.ClientMaxWindowBits = bits
		}
	}
	return agreed
}

// agrees reports whether a server may answer this offer so.
func (offer Params) agrees(answer Params) bool {
	switch {
	case offer.ServerNoContextTakeover && !answer.ServerNoContextTakeover,
		offer.ServerMaxWindowBits != 0 && (answer.ServerMaxWindowBits == 0 || answer.ServerMaxWindowBits > offer.ServerMaxWindowBits),
		answer.ClientMaxWindowBits > offer.ClientMaxWindowBits:
		return false
	}
	return true
}

// least is the smaller of two bounds, where 0 is none.
func least(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
