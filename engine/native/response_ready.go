package native

import (
	"github.com/peregrine-http/peregrine/constcache"
	"github.com/peregrine-http/peregrine/httpparse"
)

// Ready answers with ready bytes: the variant that the request asks for, or 304. It reports false, and does nothing, if the
// request could see a difference between them and an answer of its own: it has a body, or Range, If-Range, If-Match,
// If-Unmodified-Since, Expect or Upgrade, or its method is neither GET nor HEAD. Fields that have been set before, and
// everything that is set afterwards (by middleware), is sent too; a Filter is not used, since the answer has its codings.
func (w *Response) Ready(a *constcache.Answer) (bool, error) {
	if !w.askFor(w.r) {
		return false, nil
	}
	return true, w.sendReady(a, nil)
}

// askFor finds what of the request decides between variants. It reports false for a request that has to be answered by
// itself.
func (w *Response) askFor(r *Request) bool {
	head := r.head
	if head.Body != httpparse.NoBody || head.Upgrade || head.Expect100 || !w.isHead && !r.isMethod("GET") {
		return false
	}
	w.ask = constcache.Ask{Head: w.isHead, Minor: head.Minor}
	for i := range head.Fields {
		f := &head.Fields[i]
		var into *[]byte
		switch f.ID {
		case httpparse.FieldAcceptEncoding:
			into = &w.ask.AcceptEncoding
		case httpparse.FieldIfNoneMatch:
			into = &w.ask.IfNoneMatch
		case httpparse.FieldIfModifiedSince:
			into = &w.ask.IfModifiedSince
		case httpparse.FieldRange, httpparse.FieldIfRange, httpparse.FieldIfMatch, httpparse.FieldIfUnmodifiedSince:
			return false
		default:
			continue
		}
		if *into != nil {
			return false // several lines would have to be joined
		}
		*into = f.Value.In(r.bytes)
	}
	return true
}

// sendReady makes a the response, to be sent when the handler has returned, unless something is composed after all. included
// are the fields of the route that a has too, or nil.
func (w *Response) sendReady(a *constcache.Answer, included *fields) error {
	if w.Started() {
		return ErrStarted
	}
	n := 0
	if included != nil {
		n = len(included.lines)
	}
	untouched := w.status == 0 && len(w.draft) == 0 && w.length < 0 && w.fields.connection == connUnsaid &&
		len(w.fields.lines) == n && len(w.trailer) == 0
	w.answer, w.included = a, n
	if !untouched || w.x == nil {
		w.compose()
	}
	return nil
}

// compose turns ready bytes into a response that can be changed. Everything that composes calls it first. What has been set
// before the ready bytes stands beside their fields, unless it has the same name: then theirs, which speak of the body,
// win. Cookies and Vary add up: one that a middleware has set is as true as the answer's.
func (w *Response) compose() {
	a := w.answer
	if a == nil {
		return
	}
	w.answer = nil
	w.dropFilter()
	status, fields, body := a.Parts(&w.ask)
	if w.status == 0 || status == 304 {
		w.status = status
	}
	w.fields.cut(w.included)
	for _, f := range fields {
		if !equalFold(f.Name, "Set-Cookie") && !equalFold(f.Name, "Vary") {
			w.fields.del(f.Name)
		}
	}
	for _, f := range fields {
		w.add(f.Name, f.Value)
	}
	w.draft = append(w.draft[:0], body...)
	w.written = int64(len(body))
}

// sendAnswer puts ready bytes into the output.
func (w *Response) sendAnswer() {
	x := w.x
	if x.Server().Draining() {
		x.SetClose(false)
	}
	w.ask.Close = x.Closing()
	if w.ask.Head || w.answer.Size() <= appendMax {
		x.SetOut(w.answer.Append(x.Out(), x.Date(), &w.ask))
		return
	}
	head, body := w.answer.AppendHead(x.Out(), x.Date(), &w.ask)
	x.SetOut(head)
	if len(body) > 0 {
		w.flush(body)
	}
}
