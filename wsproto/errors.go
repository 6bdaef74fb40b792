package wsproto

import "errors"

// ErrNeedMore says that what was given is a good beginning and no more than that.
var ErrNeedMore = errors.New("wsproto: need more bytes")

// ErrClosed is the answer to whatever follows a Close frame: it is ignored (RFC 6455, section 1.4).
var ErrClosed = errors.New("wsproto: bytes after a Close frame")

// Error is a rule that a peer has broken. There is one value for each rule, so errors can be compared with ==.
// A rule of the opening handshake has a Status, which a server answers with. A rule of frames has a Code: send a Close frame
// with it, read nothing more, and close.
type Error struct {
	Code   CloseCode // for the Close frame, or 0
	Status int       // for the answer to an opening handshake, or 0
	Rule   string    // short unique name, for logs and counters
	RFC    string    // where the rule stands
}

func (e *Error) Error() string { return "wsproto: " + e.Rule + " (RFC " + e.RFC + ")" }

var rules []*Error

func rule(code CloseCode, name, rfc string) *Error {
	return list(&Error{Code: code, Rule: name, RFC: rfc})
}

func opening(status int, name, rfc string) *Error {
	return list(&Error{Status: status, Rule: name, RFC: rfc})
}

func list(e *Error) *Error {
	rules = append(rules, e)
	return e
}

// Rules returns every Error there is, in the order in which a connection meets them.
func Rules() []*Error { return append([]*Error(nil), rules...) }

// The client's opening handshake. The answer to ErrVersion names the version that is spoken (RFC 6455, section 4.2.2).
var (
	ErrMethod       = opening(405, "handshake-method", "6455, section 4.2.1")        // not GET
	ErrProto        = opening(400, "handshake-http-version", "6455, section 4.2.1")  // not HTTP/1.1
	ErrHost         = opening(400, "handshake-host", "6455, section 4.2.1")          // no Host, or more than one
	ErrUpgrade      = opening(426, "handshake-upgrade", "6455, section 4.2.1")       // Upgrade does not have websocket
	ErrConnection   = opening(400, "handshake-connection", "6455, section 4.2.1")    // Connection does not have Upgrade
	ErrVersion      = opening(426, "handshake-version", "6455, section 4.4")         // Sec-WebSocket-Version is not 13
	ErrKey          = opening(400, "handshake-key", "6455, section 4.2.1")           // not base64 of 16 bytes, or not one
	ErrProtocolList = opening(400, "handshake-protocols", "6455, section 11.3.4")    // not a list of different tokens
	ErrExtList      = opening(400, "handshake-extensions", "6455, section 9.1")      // not a list of extensions
	ErrBody         = opening(400, "handshake-body", "6455, section 4.1")            // a request with a body
	ErrOrigin       = opening(403, "handshake-origin", "6455, section 4.2.2")        // a foreign page, or two: see CheckOrigin
	ErrAnswerStatus = opening(0, "answer-status", "6455, section 4.1")               // not 101
	ErrAnswerFields = opening(0, "answer-upgrade", "6455, section 4.1")              // Upgrade or Connection
	ErrAnswerAccept = opening(0, "answer-accept", "6455, section 4.1")               // not made from this key
	ErrAnswerProto  = opening(0, "answer-protocol", "6455, section 4.1")             // none of those offered
	ErrAnswerExt    = opening(0, "answer-extension", "6455, section 4.1")            // none of those offered, or one twice
	ErrAnswerParams = opening(0, "answer-extension-parameters", "7692, section 7.1") // not what the offer allows
)

// Frame headers, in the order of their bits.
var (
	ErrReservedBits   = rule(ProtocolError, "reserved-bits", "6455, section 5.2")      // RSV without an extension that uses it
	ErrCompressedBit  = rule(ProtocolError, "compressed-bit", "7692, section 6.1")     // RSV1 on a continuation or control frame
	ErrOpcode         = rule(ProtocolError, "opcode", "6455, section 5.2")             // 3 to 7 and 11 to 15
	ErrControlFin     = rule(ProtocolError, "control-fragmented", "6455, section 5.5") // a control frame without FIN
	ErrControlSize    = rule(ProtocolError, "control-size", "6455, section 5.5")       // above 125 bytes
	ErrNoMessage      = rule(ProtocolError, "no-message", "6455, section 5.4")         // a continuation of nothing
	ErrInMessage      = rule(ProtocolError, "in-message", "6455, section 5.4")         // text or binary inside a message
	ErrUnmasked       = rule(ProtocolError, "unmasked", "6455, section 5.1")           // from a client
	ErrMasked         = rule(ProtocolError, "masked", "6455, section 5.1")             // from a server
	ErrLengthMinimal  = rule(ProtocolError, "length-not-minimal", "6455, section 5.2") // more bytes than the length needs
	ErrLengthOverflow = rule(ProtocolError, "length-overflow", "6455, section 5.2")    // above 2^63-1
	ErrFrameSize      = rule(MessageTooBig, "frame-size", "6455, section 10.4")        // Limits.FrameBytesMax
	ErrMessageSize    = rule(MessageTooBig, "message-size", "6455, section 10.4")      // Limits.MessageBytesMax, on the wire
	ErrFragments      = rule(PolicyViolation, "fragment-count", "6455, section 10.4")  // Limits.FragmentsMax
)

// Payloads.
var (
	ErrText         = rule(InvalidData, "text-utf8", "6455, section 8.1")
	ErrCloseSize    = rule(ProtocolError, "close-size", "6455, section 5.5.1") // one byte is no code
	ErrCloseCode    = rule(ProtocolError, "close-code", "6455, section 7.4")   // not one that may be sent
	ErrCloseReason  = rule(InvalidData, "close-reason-utf8", "6455, section 5.5.1")
	ErrInflate      = rule(InvalidData, "deflate-data", "7692, section 7.2.2")    // not what a deflater writes
	ErrInflateFinal = rule(InvalidData, "deflate-final", "7692, section 7.2.3.4") // more final blocks than anyone needs
	ErrInflatedSize = rule(MessageTooBig, "inflated-size", "7692, section 8")     // Limits.MessageBytesMax, inflated
)
