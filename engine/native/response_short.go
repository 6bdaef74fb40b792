package native

// Short ways to say what most handlers say. Each sets status, Content-Type (unless one is set) and the whole body, and
// returns an error only if the response had begun or the connection fails, so a handler can end with it.

// Text answers with a body of type text/plain.
func (w *Response) Text(status int, body string) error {
	w.SetStatus(status)
	_, err := w.WriteString(body)
	return err
}

// HTML answers with a body of type text/html. What comes from users must have been escaped.
func (w *Response) HTML(status int, body string) error {
	w.SetStatus(status)
	w.setType("text/html; charset=utf-8")
	_, err := w.WriteString(body)
	return err
}

// Bytes answers with a body of the given type.
func (w *Response) Bytes(status int, contentType string, body []byte) error {
	w.SetStatus(status)
	w.setType(contentType)
	if w.length < 0 && w.written == 0 && !w.Started() {
		w.length = int64(len(body))
	}
	_, err := w.Write(body)
	return err
}

// Empty answers without a body.
func (w *Response) Empty(status int) error {
	w.SetStatus(status)
	return nil
}

// Redirect answers with a status of 300 to 308, 304 and 306 excepted, and a Location, which may be relative to the
// request's path as the client sees it (RFC 9110, section 10.2.2).
func (w *Response) Redirect(status int, location string) error {
	w.SetStatus(status)
	w.Set("Location", location)
	return nil
}

func (w *Response) setType(contentType string) {
	if !w.sentHead && !w.fields.hasType {
		w.add("Content-Type", contentType)
	}
}
