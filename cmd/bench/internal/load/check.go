package load

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/net/http/httpguts"
)

// Want is what every response to one request must be.
type Want struct {
	status  int
	Body    []byte
	anyBody bool // only the framing of the body is checked
	head    bool // the request is HEAD: no body follows, whatever the fields say
}

// Bounds on what a broken server can make the checker hold or read.
const (
	headBytesMax = 64 << 10 // a response head
	lineBytesMax = 4 << 10  // a chunk size line or one trailer field
	memoBytesMax = 4 << 10  // a whole response worth remembering
)

// memo is the last whole response that passed. One that equals it byte for byte has passed too, so that between two
// ticks of the Date field a check costs one comparison of memory. It belongs to one goroutine.
type memo struct{ seen []byte }

// verdict is what the checker says about one response. The zero value is a pass.
type verdict struct {
	kind   string // a small set of texts, to count by; "" if the response is as wanted
	detail string // the first occurrence, in full
}

// checker checks responses as their bytes arrive, cut anywhere, and keeps only what it must of an incomplete one.
// It is at a response boundary when it is new, and after feed or end has reported done.
type checker struct {
	want *Want
	memo *memo

	state  checkState
	buf    []byte // an incomplete head or line
	left   int64  // body or chunk bytes to come
	off    int64  // body bytes seen
	result verdict
	close  bool // the server ends the connection after this response
	broken bool // the framing is lost: nothing that follows can be read
}

type checkState uint8

const (
	inHead      checkState = iota // → inBody, inToEnd, inChunkSize or done
	inBody                        // Content-Length → done
	inToEnd                       // body to the end of the connection → done by end
	inChunkSize                   // → inChunk or inTrailer
	inChunk                       // → inChunkEnd
	inChunkEnd                    // the CRLF behind a chunk → inChunkSize
	inTrailer                     // → done
)

// feed consumes bytes of p up to the end of the current response and reports whether it was reached. If the framing
// is lost it sets broken, reports done, and the rest of the connection is worth nothing.
func (k *checker) feed(p []byte) (n int, done bool) {
	if k.state == inHead && len(k.buf) == 0 {
		if s := k.memo.seen; len(s) > 0 && len(p) >= len(s) && string(p[:len(s)]) == string(s) {
			k.result, k.close = verdict{}, false
			return len(s), true
		}
		n, done = k.slow(p)
		if done && n <= memoBytesMax && k.result.kind == "" && !k.close && !k.broken {
			k.memo.seen = append(k.memo.seen[:0], p[:n]...)
		}
		return n, done
	}
	return k.slow(p)
}

func (k *checker) slow(p []byte) (n int, done bool) {
	for n < len(p) && !done {
		var m int
		switch k.state {
		case inHead:
			m, done = k.feedHead(p[n:])
		case inBody:
			m = k.feedBody(p[n:])
			done = k.left == 0
		case inToEnd:
			k.left = int64(len(p) - n)
			m = k.feedBody(p[n:])
		case inChunk:
			m = k.feedBody(p[n:])
			if k.left == 0 {
				k.state = inChunkEnd
			}
		default:
			m, done = k.feedLine(p[n:])
		}
		n += m
	}
	if done {
		k.finish()
	}
	return n, done
}

// end tells that the connection ended here, and reports whether that completed a response.
func (k *checker) end() (done bool) {
	if k.state == inToEnd {
		k.finish()
		return true
	}
	return false
}

// fresh reports whether no byte of the current response has arrived.
func (k *checker) fresh() bool { return k.state == inHead && len(k.buf) == 0 }

func (k *checker) finish() {
	if !k.broken && !k.want.anyBody && !k.want.head && k.off != int64(len(k.want.Body)) {
		k.fault("wrong body length", "body of %d bytes instead of %d", k.off, len(k.want.Body))
	}
	k.state, k.buf, k.left, k.off = inHead, k.buf[:0], 0, 0
}

// fault keeps the first thing that is wrong with a response: the rest usually follows from it.
func (k *checker) fault(kind, format string, args ...any) {
	if k.result.kind == "" {
		k.result = verdict{kind, fmt.Sprintf(format, args...)}
	}
}

func (k *checker) lose(format string, args ...any) (int, bool) {
	k.fault("malformed response", format, args...)
	k.broken = true
	return 0, true
}

var headEnd = []byte("\r\n\r\n")

func (k *checker) feedHead(p []byte) (n int, done bool) {
	if len(k.buf) == 0 {
		if i := bytes.Index(p, headEnd); i >= 0 {
			done = k.parseHead(p[:i+2])
			return i + 4, done
		}
	}
	had := len(k.buf)
	k.buf = append(k.buf, p...)
	from := max(0, had-3)
	i := bytes.Index(k.buf[from:], headEnd)
	if i < 0 {
		if len(k.buf) > headBytesMax {
			return k.lose("head of more than %d bytes", headBytesMax)
		}
		return len(p), false
	}
	i += from
	done = k.parseHead(k.buf[:i+2])
	k.buf = k.buf[:0]
	return i + 4 - had, done
}

// parseHead reads a head that ends in one CRLF, and reports whether the response ends with it.
func (k *checker) parseHead(h []byte) (done bool) {
	line, rest, _ := bytes.Cut(h, []byte("\r\n"))
	// RFC 9112, section 4: HTTP-version SP status-code SP [ reason-phrase ]. The second SP is often left out.
	if len(line) < 12 || !clean(line) || string(line[:7]) != "HTTP/1." || line[7]&^1 != '0' || line[8] != ' ' || (len(line) > 12 && line[12] != ' ') {
		_, done = k.lose("status line %q", Cut(line))
		return done
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		_, done = k.lose("status line %q", Cut(line))
		return done
	}
	old := line[7] == '0'
	k.result, k.close = verdict{}, old
	length, chunked, closes := int64(-1), false, false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		colon := nameLen(line)
		if colon < 0 || !clean(line) {
			_, done = k.lose("header line %q", Cut(line))
			return done
		}
		name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
		switch {
		case isName(name, "content-length"):
			v, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil || length >= 0 && length != int64(v) {
				_, done = k.lose("Content-Length %q", Cut(value))
				return done
			}
			length = int64(v)
		case isName(name, "transfer-encoding"):
			// RFC 9112, section 6.1: in HTTP/1.0 it is a sign of faulty framing. As the only coding it must be chunked.
			if old || chunked || !isName(value, "chunked") {
				_, done = k.lose("Transfer-Encoding %q", Cut(value))
				return done
			}
			chunked = true
		case isName(name, "connection"):
			for option := range bytes.SplitSeq(value, []byte(",")) {
				switch option = bytes.TrimSpace(option); {
				case isName(option, "close"):
					closes = true
				case isName(option, "keep-alive"):
					k.close = false // of HTTP/1.0
				}
			}
		}
	}
	k.close = k.close || closes
	if chunked && length >= 0 {
		_, done = k.lose("both Content-Length and Transfer-Encoding") // RFC 9112, section 6.2
		return done
	}
	if status < 200 && status != 101 {
		return false // 1xx: the response is still to come
	}
	if status != k.want.status {
		k.fault("status "+strconv.Itoa(status), "status %d instead of %d", status, k.want.status)
	}
	switch {
	case k.want.head || status == 204 || status == 304:
		return true
	case status == 101:
		k.broken, k.close = true, true
		return true
	case chunked:
		k.state = inChunkSize
	case length >= 0:
		if length == 0 {
			return true
		}
		k.state, k.left = inBody, length
	default:
		k.state, k.close = inToEnd, true
	}
	return false
}

func (k *checker) feedBody(p []byte) int {
	p = p[:min(int64(len(p)), k.left)]
	if !k.want.anyBody && k.off <= int64(len(k.want.Body)) {
		w := k.want.Body[k.off:]
		m := min(len(w), len(p))
		if !bytes.Equal(p[:m], w[:m]) {
			k.fault("wrong body", "body differs at byte %d", k.off+int64(differ(p[:m], w[:m])))
		}
	}
	k.off += int64(len(p))
	k.left -= int64(len(p))
	return len(p)
}

// feedLine gathers a line of the chunked framing (RFC 9112, section 7.1) and acts on it.
func (k *checker) feedLine(p []byte) (n int, done bool) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		k.buf = append(k.buf, p...)
		if len(k.buf) > lineBytesMax {
			return k.lose("line of more than %d bytes in a chunked body", lineBytesMax)
		}
		return len(p), false
	}
	line := p[:i+1]
	if len(k.buf) > 0 {
		k.buf = append(k.buf, line...)
		line = k.buf
	}
	k.buf = k.buf[:0]
	if len(line) < 2 || len(line) > lineBytesMax || line[len(line)-2] != '\r' {
		return k.lose("line %q in a chunked body", Cut(line))
	}
	line = line[:len(line)-2]
	switch k.state {
	case inChunkSize:
		digits, _, _ := bytes.Cut(line, []byte(";"))
		v, err := strconv.ParseUint(string(bytes.TrimRight(digits, " \t")), 16, 62)
		if err != nil {
			return k.lose("chunk size %q", Cut(line))
		}
		k.left = int64(v)
		k.state = inChunk
		if v == 0 {
			k.state = inTrailer
		}
	case inChunkEnd:
		if len(line) != 0 {
			return k.lose("%q behind a chunk", Cut(line))
		}
		k.state = inChunkSize
	case inTrailer:
		if done = len(line) == 0; !done && (nameLen(line) < 0 || !clean(line)) {
			return k.lose("trailer line %q", Cut(line))
		}
	}
	return i + 1, done
}

// nameLen is the length of a field line's name, or -1 if it has no name or the name is no token (RFC 9110, section 5.1).
func nameLen(line []byte) int {
	for i, c := range line {
		if c == ':' && i > 0 {
			return i
		}
		if !httpguts.IsTokenRune(rune(c)) {
			break
		}
	}
	return -1
}

// clean reports whether a line is free of control characters; a bare LF or CR in it would be a line's end to others.
func clean(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isName compares ASCII text with a lower-case name.
func isName(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func differ(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// Cut bounds what of a server's bytes goes into a message.
func Cut(b []byte) []byte { return b[:min(len(b), 60)] }
