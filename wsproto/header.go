package wsproto

import "encoding/binary"

// HeaderBytesMax is the length of the longest frame header: two bytes, a length of eight, a key of four.
const HeaderBytesMax = 14

// controlBytesMax bounds the payload of a control frame (RFC 6455, section 5.5), and closeReasonMax the reason behind a
// close code.
const (
	controlBytesMax = 125
	closeReasonMax  = controlBytesMax - 2
)

// Header is a frame without its payload (RFC 6455, section 5.2).
//
//	 0               1               2 …
//	|F|R|R|R| opcode|M| length      | length, 16 or 64 bits, if 126 or 127 | key, if M | payload
type Header struct {
	Fin    bool  // the last frame of its message
	RSV    uint8 // the three reserved bits, RSV1 being 4
	Opcode Opcode
	Masked bool
	Key    uint32 // for Mask, if Masked: the four bytes read as a little-endian number
	Length int64  // of the payload, in bytes
}

// RSV1 is the bit of Header.RSV that marks a compressed message (RFC 7692, section 6).
const RSV1 = 4

// ParseHeader reads the header of a frame from the front of b and returns its length. It refuses what is wrong
// whatever came before: reserved opcodes, control frames that are long or fragmented, lengths that could have been written
// shorter. Which reserved bits, opcodes and keys are right depends on the connection, and is for the Reader to say.
//
// While b is too short the error is ErrNeedMore and nothing else is meaningful; what two bytes can show to be wrong is
// refused when two bytes are there.
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return h, 0, ErrNeedMore
	}
	b0, b1 := b[0], b[1]
	h = Header{Fin: b0&0x80 != 0, RSV: b0 >> 4 & 7, Opcode: Opcode(b0 & 0xf), Masked: b1&0x80 != 0, Length: int64(b1 & 0x7f)}
	if h.Opcode.reserved() {
		return h, 0, ErrOpcode
	}
	if h.Opcode.Control() {
		if !h.Fin {
			return h, 0, ErrControlFin
		}
		if h.Length > controlBytesMax {
			return h, 0, ErrControlSize
		}
	}
	n = 2
	switch h.Length {
	case 126:
		if len(b) < 4 {
			return h, 0, ErrNeedMore
		}
		if h.Length = int64(binary.BigEndian.Uint16(b[2:])); h.Length < 126 {
			return h, 0, ErrLengthMinimal
		}
		n = 4
	case 127:
		if len(b) < 10 {
			return h, 0, ErrNeedMore
		}
		length := binary.BigEndian.Uint64(b[2:])
		if length>>63 != 0 {
			return h, 0, ErrLengthOverflow
		}
		if length>>16 == 0 {
			return h, 0, ErrLengthMinimal
		}
		h.Length = int64(length)
		n = 10
	}
	if h.Masked {
		if len(b) < n+4 {
			return h, 0, ErrNeedMore
		}
		h.Key = binary.LittleEndian.Uint32(b[n:])
		n += 4
	}
	return h, n, nil
}

// AppendHeader appends a header to dst, with the length in as few bytes as it needs. It checks nothing.
func AppendHeader(dst []byte, h Header) []byte {
	b0, b1 := h.RSV<<4|uint8(h.Opcode), uint8(0)
	if h.Fin {
		b0 |= 0x80
	}
	if h.Masked {
		b1 = 0x80
	}
	switch {
	case h.Length < 126:
		dst = append(dst, b0, b1|uint8(h.Length))
	case h.Length>>16 == 0:
		dst = append(dst, b0, b1|126, uint8(h.Length>>8), uint8(h.Length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, b0, b1|127), uint64(h.Length))
	}
	if h.Masked {
		dst = binary.LittleEndian.AppendUint32(dst, h.Key)
	}
	return dst
}
