package wsproto

import "unicode/utf8"

// ReaderConfig is what the Readers of many connections have in common. It is not changed by them.
type ReaderConfig struct {
	role    Role
	limits  Limits
	buffers Buffers
}

// NewReaderConfig returns what Readers on that side of a connection share. Zero limits stand for their defaults; without
// buffers memory comes from Go's heap.
func NewReaderConfig(role Role, limits Limits, buffers Buffers) *ReaderConfig {
	if buffers == nil {
		buffers = heap{}
	}
	return &ReaderConfig{role: role, limits: limits.withDefaults(), buffers: buffers}
}

// Event is a whole message, or a control frame.
type Event struct {
	Opcode Opcode // Text, Binary, Close, Ping or Pong
	// Payload is a view: of the caller's input, unmasked there, if it came in one frame and in one piece, otherwise of
	// a buffer of the Reader's. For Close it is the reason, without the code. A Text is valid UTF-8, and so is a reason.
	Payload []byte
	Code    CloseCode // of a Close; NoStatus if it has none
}

// Reader makes messages of bytes. It is a state machine: the caller brings bytes as they come, cut anywhere, and gets
// events.
//
// Between messages it is a few words and owns no buffer. A Reader belongs to one goroutine at a time, and is not copied
// after its first use.
type Reader struct {
	config   *ReaderConfig
	inflater *Inflater // or nil: RSV1 is refused
	err      error     // for ever, once it is set

	// The frame.
	begun   [HeaderBytesMax]byte // a header that was cut
	begunN  uint8
	inFrame bool
	opcode  Opcode
	fin     bool
	key     uint32 // for the next byte
	left    int64  // payload bytes that have not come

	// The message. Fragments collect in buf, and behind them a control frame that was cut:
	//
	//	0 ≤ messageN ≤ len(buf) ≤ cap(buf)
	//	| message | control |
	message    Opcode // Continuation: there is none
	compressed bool
	text       UTF8
	fragments  int32
	messageN   int
	buf        []byte
	inflated   []byte
}

// NewReader returns a Reader that stands before the first frame. The Inflater is nil if permessage-deflate was not agreed on.
func NewReader(config *ReaderConfig, inflater *Inflater) Reader {
	return Reader{config: config, inflater: inflater}
}

// Next reads from in up to the end of the next message or control frame, and says how many bytes that took. What is
// left of in is for the next call. It unmasks in place: the bytes of in are changed.
//
// ErrNeedMore says that all of in was taken and that no event is complete. Call Next until it says so, even with nothing
// left: that is when buffers are given back. ErrClosed says that a Close came earlier. Any other error is an *Error,
// after which the bytes mean nothing.
//
// The event's payload is valid until the next call of Next or Release, and no longer than in is.
func (r *Reader) Next(in []byte) (e Event, n int, err error) {
	if r.buf != nil || r.inflated != nil {
		r.giveBack()
	}
	if r.err != nil {
		return Event{}, len(in), r.err
	}
	for {
		if !r.inFrame {
			taken, err := r.begin(in[n:])
			n += taken
			if err != nil {
				return Event{}, n, r.fail(err)
			}
		}
		end := n + int(min(int64(len(in)-n), r.left))
		piece := in[n:end:end]
		n = end
		if r.config.role == Server {
			r.key = Mask(piece, r.key)
		}
		if r.opcode.Control() {
			e, err = r.control(piece)
		} else {
			e, err = r.data(piece)
		}
		if err != nil {
			return Event{}, n, r.fail(err)
		}
		if e.Opcode != Continuation {
			return e, n, nil
		}
		if n == len(in) {
			return Event{}, n, ErrNeedMore
		}
	}
}

// Idle reports whether the Reader stands between messages. A peer that leaves it otherwise for long is due a deadline.
func (r *Reader) Idle() bool { return !r.inFrame && r.begunN == 0 && r.message == Continuation }

// Release gives all buffers back, for a connection that ends. From then on Next says ErrClosed.
func (r *Reader) Release() { r.fail(ErrClosed) }

// begin takes a header, whole or in pieces, and judges it by what came before.
func (r *Reader) begin(b []byte) (taken int, err error) {
	var h Header
	if r.begunN == 0 {
		if h, taken, err = ParseHeader(b); err == ErrNeedMore {
			r.begunN = uint8(copy(r.begun[:], b))
			return len(b), err
		}
	} else {
		before := r.begunN
		r.begunN += uint8(copy(r.begun[before:], b))
		if h, taken, err = ParseHeader(r.begun[:r.begunN]); err == ErrNeedMore {
			return len(b), err
		}
		taken -= int(before)
		r.begunN = 0
	}
	if err == nil {
		err = r.judge(h)
	}
	if err != nil {
		return 0, err
	}
	r.inFrame, r.opcode, r.fin, r.key, r.left = true, h.Opcode, h.Fin, h.Key, h.Length
	return taken, nil
}

func (r *Reader) judge(h Header) error {
	opens := h.Opcode == Text || h.Opcode == Binary
	if h.RSV != 0 && (h.RSV != RSV1 || r.inflater == nil) {
		return ErrReservedBits
	}
	if h.RSV != 0 && !opens {
		return ErrCompressedBit
	}
	if h.Masked != (r.config.role == Server) {
		if h.Masked {
			return ErrMasked
		}
		return ErrUnmasked
	}
	if h.Opcode.Control() {
		return nil
	}
	if opens {
		if r.message != Continuation {
			return ErrInMessage
		}
		r.message, r.compressed = h.Opcode, h.RSV != 0
	} else if r.message == Continuation {
		return ErrNoMessage
	}
	limits := &r.config.limits
	if h.Length > int64(limits.FrameBytesMax) {
		return ErrFrameSize
	}
	r.fragments++
	if h.Length > int64(r.most()-r.messageN) {
		return ErrMessageSize
	}
	if int(r.fragments) > limits.FragmentsMax {
		return ErrFragments
	}
	return nil
}

// most bounds the message on the wire, with the fragments that have come so far.
func (r *Reader) most() int {
	if r.compressed {
		return r.config.limits.wireMax(int(r.fragments))
	}
	return r.config.limits.MessageBytesMax
}

// data takes a piece of a message, and makes an event of the last one.
func (r *Reader) data(piece []byte) (Event, error) {
	text := r.message == Text && !r.compressed
	if text && !r.text.Valid(piece) {
		return Event{}, ErrText
	}
	last := r.fin && int64(len(piece)) == r.left
	payload := piece
	if !last || r.messageN > 0 {
		most := r.most()
		if r.fin {
			most = r.messageN + int(r.left)
		}
		r.buf = append(grow(r.config.buffers, r.buf, len(piece), most), piece...)
		r.messageN = len(r.buf)
		payload = r.buf
	}
	r.left -= int64(len(piece))
	r.inFrame = r.left > 0
	if !last {
		return Event{}, nil
	}
	if text && !r.text.Complete() {
		return Event{}, ErrText
	}
	e := Event{Opcode: r.message, Payload: payload}
	if r.compressed {
		var err error
		r.inflated, err = r.inflater.inflate(r.config.buffers, nil, payload, r.config.limits.MessageBytesMax)
		if err != nil {
			return Event{}, err
		}
		if e.Payload = r.inflated; r.message == Text && !utf8.Valid(r.inflated) {
			return Event{}, ErrText
		}
	}
	r.message, r.compressed, r.fragments, r.messageN, r.text = Continuation, false, 0, 0, UTF8{}
	return e, nil
}

// control takes a piece of a control frame, which may stand between the fragments of a message.
func (r *Reader) control(piece []byte) (Event, error) {
	last := int64(len(piece)) == r.left
	payload := piece
	if !last || len(r.buf) > r.messageN {
		r.buf = append(grow(r.config.buffers, r.buf, len(piece), len(r.buf)+int(r.left)), piece...)
		payload = r.buf[r.messageN:]
	}
	r.left -= int64(len(piece))
	r.inFrame = r.left > 0
	if !last {
		return Event{}, nil
	}
	e := Event{Opcode: r.opcode, Payload: payload}
	if r.opcode == Close {
		var err error
		if e.Code, e.Payload, err = ParseClose(payload); err != nil {
			return Event{}, err
		}
		r.err = ErrClosed
	}
	return e, nil
}

// ParseClose reads the payload of a Close frame: nothing at all, which is NoStatus, or a code and a reason. The reason is a
// view of the payload, and valid as long as that is.
func ParseClose(payload []byte) (code CloseCode, reason []byte, err error) {
	switch len(payload) {
	case 0:
		return NoStatus, nil, nil
	case 1:
		return 0, nil, ErrCloseSize
	}
	code, reason = CloseCode(payload[0])<<8|CloseCode(payload[1]), payload[2:]
	if !code.Sendable() {
		return 0, nil, ErrCloseCode
	}
	if !utf8.Valid(reason) {
		return 0, nil, ErrCloseReason
	}
	return code, reason, nil
}

// giveBack ends the life of the last event's payload. In the middle of a frame there was none.
func (r *Reader) giveBack() {
	if r.inflated != nil {
		r.config.buffers.Put(r.inflated[:0])
		r.inflated = nil
	}
	if r.inFrame {
		return
	}
	if r.buf = r.buf[:r.messageN]; r.message == Continuation && r.buf != nil {
		r.config.buffers.Put(r.buf[:0])
		r.buf = nil
	}
}

func (r *Reader) fail(err error) error {
	if err != ErrNeedMore {
		r.err, r.inFrame, r.message, r.messageN = err, false, Continuation, 0
		r.giveBack()
	}
	return err
}
