package wsproto

// Opcode says what a frame is (RFC 6455, section 5.2).
type Opcode uint8

// The opcodes there are; the other ten are reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// Control reports whether it is the opcode of a control frame, reserved ones included.
func (o Opcode) Control() bool { return o&0x8 != 0 }

func (o Opcode) reserved() bool { return o&0x7 > 2 }

// Role is one of the two ends of a connection. What a client sends is masked, what a server sends is not.
type Role uint8

// The server's role is the zero value.
const (
	Server Role = iota
	Client
)

// CloseCode is the reason for the end of a connection as a number (RFC 6455, section 7.4, and the registry of IANA).
type CloseCode uint16

// The codes that have a name. NoStatus, Abnormal and TLSHandshake are never sent: they stand for what a program learns
// about an end that had no Close frame, or one without a code.
const (
	NormalClosure      CloseCode = 1000
	GoingAway          CloseCode = 1001
	ProtocolError      CloseCode = 1002
	UnsupportedData    CloseCode = 1003
	NoStatus           CloseCode = 1005
	Abnormal           CloseCode = 1006
	InvalidData        CloseCode = 1007
	PolicyViolation    CloseCode = 1008
	MessageTooBig      CloseCode = 1009
	MandatoryExtension CloseCode = 1010
	InternalError      CloseCode = 1011
	ServiceRestart     CloseCode = 1012
	TryAgainLater      CloseCode = 1013
	BadGateway         CloseCode = 1014
	TLSHandshake       CloseCode = 1015
)

// Sendable reports whether the code may stand in a Close frame: 1000 to 1014 without the three that say that there was
// none, and 3000 to 4999, which belong to libraries and programs.
func (c CloseCode) Sendable() bool {
	switch {
	case c < 1000, c == 1004, c == NoStatus, c == Abnormal:
		return false
	}
	return c <= BadGateway || 3000 <= c && c <= 4999
}
