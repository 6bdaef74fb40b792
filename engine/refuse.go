package engine

import (
	"errors"
	"strconv"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/httpparse"
)

// refuse answers a head that breaks a rule, behind the answers of earlier requests, and ends the connection: where the
// next head would begin is unknown (RFC 9112, section 2.2). The words are net/http's, since clients and tests know
// them; what the peer sent is not repeated.
func (c *Conn) refuse(t *transport.Turn, err error) transport.Next {
	c.phase = phaseEnd
	c.sv.s.counters.refused.Add(1)
	c.setWriteDeadline(t.Now, c.sv.s.WriteTimeout)
	status, reason := 400, ""
	if e, ok := errors.AsType[*httpparse.Error](err); ok {
		status, reason = e.Status, e.Reason
	}
	t.Out = appendRefusal(t.Out, status, reason)
	return transport.Linger
}

func appendRefusal(out []byte, status int, reason string) []byte {
	start := len(out) + len("HTTP/1.1 ")
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, refusalText(status)...)
	if reason != "" {
		out = append(out, ": "...)
		out = append(out, reason...)
	}
	line := out[start:]
	out = append(out, "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"...)
	if status == 501 {
		return append(out, "Unsupported transfer encoding"...)
	}
	return append(out, line...)
}

func refusalText(status int) string {
	switch status {
	case 408:
		return "Request Timeout"
	case 413:
		return "Request Entity Too Large"
	case 414:
		return "Request URI Too Long"
	case 431:
		return "Request Header Fields Too Large"
	case 501:
		return "Not Implemented"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Bad Request"
}
