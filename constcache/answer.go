package constcache

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Answer is an answer in all its variants, as ready bytes. It never changes, and any number of goroutines may use it.
type Answer struct {
	facts
	status   int
	variants []variant // the body as it is, then its codings, the shortest first
	dateAt   int       // where the date begins in a head
}

// variant is the answer in one content coding.
type variant struct {
	coding     string    // in lower case; "" for the body as it is
	tag        string    // the ETag, or ""
	fields     []Field   // with the ones that are our own
	unmodified []Field   // those of the 304
	whole      []byte    // the head for HTTP/1.1 and a connection that stays, and the body
	heads      [4][]byte // by form; the first is the beginning of whole
	heads304   [4][]byte // by form
	body       []byte    // the end of whole
}

// A form is the part of a head that depends on protocol and connection: bit 0 is set if the connection ends after the
// answer, bit 1 for HTTP/1.0.
const (
	formClose = 1 << iota
	formHTTP10
)

// A coding is worth keeping if it is shorter than the body by this many bytes, which the fields take that it needs, and
// by this part of the body, for which the client has to decode it.
const (
	gainBytes = 64
	gainPart  = 16
)

// Make makes an answer. Each encoder is run once; what it returns is kept if it is shorter by enough, and if the source is
// not encoded already. Encoders are run on answers with content only.
//
// An answer with content and a 2xx status gets a strong ETag, made from the bytes of the variant and its Content-Type. If
// the source has one, that is used; a strong one gets the coding's name at its end where there is a coding, since
// variants must not share it (RFC 9110, section 8.8.3.3). If there is more than one variant, all have Vary:
// Accept-Encoding. An error names the field or the encoder that is wrong.
func Make(src Source, encoders ...Encoder) (*Answer, error) {
	facts, err := src.check()
	if err != nil {
		return nil, err
	}
	if err := checkEncoders(encoders); err != nil {
		return nil, err
	}
	codings, err := encode(src.Body, facts, encoders)
	if err != nil {
		return nil, err
	}
	a := &Answer{facts: facts, status: src.Status, dateAt: len(appendStatusLine(nil, 1, src.Status)) + len(datePrefix)}
	a.variants = append(a.variants, a.variant(src, "", src.Body, len(codings) > 0))
	for _, c := range codings {
		a.variants = append(a.variants, a.variant(src, c.name, c.body, true))
	}
	return a, nil
}

type coded struct {
	name string
	body []byte
}

// encode returns the codings of the body that are worth it, the shortest first.
func encode(body []byte, f facts, encoders []Encoder) (codings []coded, err error) {
	most := len(body) - max(gainBytes, len(body)/gainPart)
	if f.encoded || most <= 0 {
		return nil, nil
	}
	for _, e := range encoders {
		b, err := e.Encode(body)
		if err != nil {
			return nil, fmt.Errorf("constcache: encoder %s: %w", e.Name, err)
		}
		if len(b) <= most {
			codings = append(codings, coded{strings.ToLower(e.Name), b})
		}
	}
	slices.SortStableFunc(codings, func(a, b coded) int { return cmp.Compare(len(a.body), len(b.body)) })
	return codings, nil
}

// variant writes out all heads of the answer in one coding.
func (a *Answer) variant(src Source, coding string, body []byte, varies bool) variant {
	v := variant{coding: coding, fields: make([]Field, 0, len(src.Fields)+3)}
	mediaType := ""
	for _, f := range src.Fields {
		switch strings.ToLower(f.Name) {
		case "etag":
			continue // its value is the variant's
		case "content-encoding":
			if coding != "" {
				continue // "identity", which says nothing
			}
		case "content-type":
			mediaType = f.Value
		}
		v.fields = append(v.fields, f)
	}
	if coding != "" {
		v.fields = append(v.fields, Field{"Content-Encoding", coding})
	}
	switch {
	case a.tag == "" && a.successful() && bodyAllowed(a.status):
		v.tag = strongTag(mediaType, body)
	case coding == "" || strings.HasPrefix(a.tag, "W/"):
		v.tag = a.tag
	case a.tag != "":
		v.tag = strings.TrimSuffix(a.tag, `"`) + "-" + coding + `"`
	}
	if v.tag != "" {
		v.fields = append(v.fields, Field{"ETag", v.tag})
	}
	if varies && !a.varies {
		v.fields = append(v.fields, Field{"Vary", "Accept-Encoding"})
	}
	for _, f := range v.fields {
		if !describesContent(f.Name, v.tag != "") {
			v.unmodified = append(v.unmodified, f)
		}
	}

	length := len(body)
	if a.status == 204 {
		length = -1 // RFC 9110, section 8.6
	}
	for form := range v.heads {
		v.heads[form] = appendHead(nil, form, a.status, v.fields, length)
		v.heads304[form] = appendHead(nil, form, 304, v.unmodified, -1)
	}
	n := len(v.heads[0])
	v.whole = append(v.heads[0][:n:n], body...)
	v.heads[0], v.body = v.whole[:n:n], v.whole[n:]
	return v
}

func (a *Answer) successful() bool { return a.status >= 200 && a.status < 300 }

func bodyAllowed(status int) bool { return status != 204 && status != 205 }

// describesContent reports whether a field is left out of a 304 (RFC 9110, section 15.4.5): it describes content
// that the client has, and a cache that took it for news would be told wrong. Last-Modified stays if it is all there is.
func describesContent(name string, tagged bool) bool {
	switch strings.ToLower(name) {
	case "content-type", "content-encoding", "content-language":
		return true
	case "last-modified":
		return tagged
	}
	return false
}

// strongTag makes an entity tag out of the first 128 bits of a SHA-256: nobody finds two bodies with the same one.
func strongTag(mediaType string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(mediaType))
	h.Write([]byte{0})
	h.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]) + `"`
}

// The date stands behind the status line, so that its place is the same in all heads with one status.
const (
	datePrefix = "Date: "
	dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"
)

// appendHead appends a head whose date is still to be written. A negative length is not mentioned.
func appendHead(out []byte, form, status int, fields []Field, length int) []byte {
	minor := byte(1)
	if form&formHTTP10 != 0 {
		minor = 0
	}
	out = appendStatusLine(out, minor, status)
	out = append(out, datePrefix...)
	out = append(out, dateLayout...)
	out = append(out, "\r\n"...)
	for _, f := range fields {
		out = append(out, f.Name...)
		out = append(out, ": "...)
		out = append(out, f.Value...)
		out = append(out, "\r\n"...)
	}
	if length >= 0 {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(length), 10)
		out = append(out, "\r\n"...)
	}
	// What is the protocol's default is not said.
	switch form {
	case formClose:
		out = append(out, "Connection: close\r\n"...)
	case formHTTP10:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	return append(out, "\r\n"...)
}
