package wsproto

import "sync"

// Prepared is a message that a server sends to many: framed once, and compressed once, by Compress or when the first
// connection wants it so. Any number of goroutines may use it.
type Prepared struct {
	plain    []byte
	message  []byte // in plain
	opcode   Opcode
	level    int
	once     sync.Once
	deflated []byte // nil: not worth it
}

// Prepare frames a Text or Binary message, of which it takes a copy. The level is that of NewDeflater.
func Prepare(opcode Opcode, message []byte, level int) *Prepared {
	plain := AppendHeader(make([]byte, 0, HeaderBytesMax+len(message)), Header{Fin: true, Opcode: opcode, Length: int64(len(message))})
	at := len(plain)
	plain = append(plain, message...)
	return &Prepared{plain: plain, message: plain[at:], opcode: opcode, level: level}
}

// Frame returns the frame for a connection with that Deflater, or with nil. The compressed one refers to nothing before
// it, so it suits every connection whose window has its full size; those with less get the message as it is, which is
// always allowed (RFC 7692, section 6). The frame must then be sent, in its turn: a Deflater counts it as sent.
//
// Everybody gets the same bytes. They are valid for ever, and must not be changed.
func (p *Prepared) Frame(d *Deflater) []byte {
	if d == nil || d.bits < 15 || len(p.message) < DeflateBytesMin {
		return p.plain
	}
	p.Compress()
	if p.deflated == nil {
		return p.plain
	}
	d.Sent(p.message)
	return p.deflated
}

// Compress compresses the message now, for callers of Frame who must not wait for that. It returns when it is done, whoever
// does it.
func (p *Prepared) Compress() {
	if len(p.message) >= DeflateBytesMin {
		p.once.Do(p.deflate)
	}
}

func (p *Prepared) deflate() {
	payload := deflate(nil, p.message, nil, 15, p.level)
	if len(payload) < len(p.message) {
		h := Header{Fin: true, RSV: RSV1, Opcode: p.opcode, Length: int64(len(payload))}
		p.deflated = append(AppendHeader(make([]byte, 0, HeaderBytesMax+len(payload)), h), payload...)
	}
}
