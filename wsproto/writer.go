package wsproto

import (
	"errors"
	"unicode/utf8"
)

// What a program asks for, and a peer must not be sent.
var (
	ErrControlPayload = errors.New("wsproto: a control frame has at most 125 bytes")
	ErrUnsendable     = errors.New("wsproto: not a code or reason that a Close frame may have")
)

// Writer makes frames of messages. It appends them to the caller's buffer and keeps none of it. That a Text is UTF-8 is not
// checked: the program knows.
//
// A Writer belongs to one goroutine at a time, and what it appends is sent in the same order.
type Writer struct {
	deflater *Deflater
	keys     func() uint32 // nil: a server, which masks nothing
	opened   bool          // inside a message that goes out in fragments
	deflated bool          // which is compressed
}

// NewWriter returns a Writer for a server. The Deflater is nil if permessage-deflate was not agreed on.
func NewWriter(deflater *Deflater) Writer { return Writer{deflater: deflater} }

// NewClientWriter returns a Writer for a client. Each frame is masked with a key from keys, which nobody who chooses the
// data must be able to foresee (RFC 6455, section 10.3).
func NewClientWriter(deflater *Deflater, keys func() uint32) Writer {
	return Writer{deflater: deflater, keys: keys}
}

// Message appends a Text or Binary message in one frame. It is compressed if that was agreed on, the message has
// DeflateBytesMin bytes, and it becomes smaller.
func (w *Writer) Message(dst []byte, opcode Opcode, message []byte) []byte {
	d := w.deflater
	if d == nil || len(message) < DeflateBytesMin {
		return w.frame(dst, Header{Fin: true, Opcode: opcode}, message)
	}
	// The payload is compressed behind room for the header that the message would have as it is.
	start := len(dst)
	h := w.header(Header{Fin: true, Opcode: opcode, Length: int64(len(message))})
	dst = AppendHeader(dst, h)
	at := len(dst)
	dst = d.compress(dst, message)
	if len(dst)-at >= len(message) {
		dst = append(dst[:at], message...)
	} else {
		d.Sent(message)
		h.RSV, h.Length = RSV1, int64(len(dst)-at)
		room := at
		at = len(AppendHeader(dst[:start], h)) // no longer than what was there
		dst = dst[:at+copy(dst[at:], dst[room:])]
	}
	if h.Masked {
		Mask(dst[at:], h.Key)
	}
	return dst
}

// Fragment appends the next part of a message in a frame of its own; fin says that it is the last. The opcode counts for
// the first. Other messages have to wait, control frames need not.
func (w *Writer) Fragment(dst []byte, opcode Opcode, fin bool, part []byte) []byte {
	h := Header{Fin: fin, Opcode: opcode}
	if w.opened {
		h.Opcode = Continuation
	} else if w.deflated = w.deflater != nil; w.deflated {
		h.RSV = RSV1
	}
	w.opened = !fin
	if !w.deflated {
		return w.frame(dst, h, part)
	}
	payload := w.deflater.Append(nil, part)
	if !fin {
		payload = append(payload, flushed...)
	}
	return w.frame(dst, h, payload)
}

// Ping appends a Ping. The error is ErrControlPayload.
func (w *Writer) Ping(dst, payload []byte) ([]byte, error) { return w.control(dst, Ping, payload) }

// Pong appends a Pong, the answer to a Ping with the same payload. The error is ErrControlPayload.
func (w *Writer) Pong(dst, payload []byte) ([]byte, error) { return w.control(dst, Pong, payload) }

// Close appends a Close, after which nothing more is to be sent. NoStatus makes one without code and reason. A reason of
// more than 123 bytes is cut, between characters. The error is ErrUnsendable.
func (w *Writer) Close(dst []byte, code CloseCode, reason string) ([]byte, error) {
	if code == NoStatus && reason == "" {
		return w.control(dst, Close, nil)
	}
	if !code.Sendable() || !utf8.ValidString(reason) {
		return dst, ErrUnsendable
	}
	if len(reason) > closeReasonMax {
		cut := closeReasonMax
		for !utf8.RuneStart(reason[cut]) {
			cut--
		}
		reason = reason[:cut]
	}
	var payload [controlBytesMax]byte
	return w.control(dst, Close, append(append(payload[:0], byte(code>>8), byte(code)), reason...))
}

func (w *Writer) control(dst []byte, opcode Opcode, payload []byte) ([]byte, error) {
	if len(payload) > controlBytesMax {
		return dst, ErrControlPayload
	}
	return w.frame(dst, Header{Fin: true, Opcode: opcode}, payload), nil
}

func (w *Writer) frame(dst []byte, h Header, payload []byte) []byte {
	h.Length = int64(len(payload))
	h = w.header(h)
	dst = AppendHeader(dst, h)
	at := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		Mask(dst[at:], h.Key)
	}
	return dst
}

func (w *Writer) header(h Header) Header {
	if w.keys != nil {
		h.Masked, h.Key = true, w.keys()
	}
	return h
}
