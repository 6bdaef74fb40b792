package files

import (
	"crypto/rand"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/peregrine-http/peregrine/engine/native"
)

// content is what is sent of: bytes in memory, or an open file.
type content struct {
	body []byte
	file fs.File
	at   int64 // the file's offset
}

// seekable reports whether parts can be had.
func (c *content) seekable() bool {
	_, ok := c.file.(io.Seeker)
	return c.file == nil || ok
}

// sendTo writes a part. A file that ends too early gives io.ErrUnexpectedEOF.
func (c *content) sendTo(w *native.Response, s span) error {
	if c.file == nil {
		_, err := w.Write(c.body[s.start : s.start+s.length])
		return err
	}
	if seeker, ok := c.file.(io.Seeker); ok && c.at != s.start {
		if _, err := seeker.Seek(s.start, io.SeekStart); err != nil {
			return err
		}
	}
	c.at = s.start + s.length
	if f, ok := c.file.(*os.File); ok {
		return w.SendFile(f, s.length)
	}
	n, err := w.ReadFrom(io.LimitReader(c.file, s.length))
	if err == nil && n < s.length {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// send answers with an entry's file.
func (h *handler) send(w *native.Response, r *native.Request, e *entry) error {
	if e.answer != nil {
		if ok, err := w.Ready(e.answer); ok {
			return err
		}
	}
	return h.compose(w, r, e)
}

// compose answers with an entry's file by all that the request says.
func (h *handler) compose(w *native.Response, r *native.Request, e *entry) error {
	accept, _ := joined(r, varyCoding)
	rep := e.selected(accept)
	c := content{body: rep.body}
	if rep.body == nil {
		f, ok, err := h.open(rep)
		if err != nil || !ok {
			h.cache.remove(e)
			if err != nil {
				return h.failure(rep.name, err)
			}
			return errChanged
		}
		defer f.Close()
		c.file = f
	}

	set := func(name, value string) {
		if value != "" {
			w.Set(name, value)
		}
	}
	set("ETag", rep.tag)
	set("Cache-Control", e.cacheControl)
	if len(e.reps) > 1 {
		w.Add("Vary", varyCoding)
	}
	if c.seekable() {
		w.Set("Accept-Ranges", "bytes")
	}
	switch e.condition(r, rep.tag) {
	case 412:
		return &native.Error{Status: 412}
	case 304:
		if rep.tag == "" {
			set("Last-Modified", e.modified) // RFC 9110, section 15.4.5
		}
		return w.Empty(304)
	}
	set("Last-Modified", e.modified)
	set("Content-Encoding", rep.coding)

	// Range is defined for GET alone (RFC 9110, section 14.2).
	if value := r.Header("Range"); len(value) > 0 && string(r.Method()) == "GET" && c.seekable() && e.rangeApplies(r, rep.tag) {
		spans, outcome := parseRanges(string(value), rep.size)
		switch {
		case outcome == unsatisfiable:
			w.Del("Content-Encoding")
			w.Error(416, "")
			w.Set("Content-Range", "bytes */"+strconv.FormatInt(rep.size, 10))
			return nil
		case len(spans) == 1:
			w.SetStatus(206)
			w.Set("Content-Type", e.mediaType)
			w.Set("Content-Range", spans[0].contentRange(rep.size))
			w.Set("Content-Length", strconv.FormatInt(spans[0].length, 10))
			return c.sendTo(w, spans[0])
		case len(spans) > 1 && rep.coding == "": // what the coding of several parts would be a coding of, nobody says
			return c.sendParts(w, spans, e.mediaType, rep.size)
		}
	}
	w.Set("Content-Type", e.mediaType)
	w.Set("Content-Length", strconv.FormatInt(rep.size, 10))
	if string(r.Method()) == "HEAD" || rep.size == 0 {
		return nil
	}
	return c.sendTo(w, span{0, rep.size})
}

// sendParts sends several ranges, in the order in which they were asked for (RFC 9110, section 14.6).
func (c *content) sendParts(w *native.Response, spans []span, mediaType string, size int64) error {
	boundary := rand.Text() // which no part has, for all anybody can know
	heads := make([]string, len(spans))
	end := "\r\n--" + boundary + "--\r\n"
	length := int64(len(end))
	for i, s := range spans {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: " + mediaType + "\r\nContent-Range: " + s.contentRange(size) + "\r\n\r\n"
		if i == 0 {
			heads[i] = heads[i][2:]
		}
		length += int64(len(heads[i])) + s.length
	}
	w.SetStatus(206)
	w.Set("Content-Type", "multipart/byteranges; boundary="+boundary)
	w.Set("Content-Length", strconv.FormatInt(length, 10))
	for i, s := range spans {
		if _, err := w.WriteString(heads[i]); err != nil {
			return err
		}
		if err := c.sendTo(w, s); err != nil {
			return err
		}
	}
	_, err := w.WriteString(end)
	return err
}
