package native

import (
	"errors"
	"fmt"
)

// Handler answers one request. w and r are valid until it returns. An error that it returns, before the response has
// begun, is answered by Router.OnError; afterwards it cuts the connection, so that the client sees that the response is
// incomplete. So does a call of w that another goroutine still waits in when it returns: that call fails.
type Handler func(w *Response, r *Request) error

// Middleware makes a handler of the handler that comes next. It runs once, when serving starts; what it returns runs for
// every request.
type Middleware func(next Handler) Handler

// Error is an error that knows its answer.
type Error struct {
	// Status is the answer's, 400 to 599.
	Status int
	// Message is for the client. "" means the status's name.
	Message string
	// Err is the cause, for logs; the client does not see it. It may be nil.
	Err error
}

// Errorf makes an Error whose message the client sees. A %w among the verbs makes its argument the cause.
func Errorf(status int, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Status: status, Message: err.Error(), Err: errors.Unwrap(err)}
}

func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = statusText(e.Status)
	}
	if e.Err != nil && e.Err.Error() != e.Message {
		return fmt.Sprintf("%d %s: %v", e.Status, text, e.Err)
	}
	return fmt.Sprintf("%d %s", e.Status, text)
}

func (e *Error) Unwrap() error { return e.Err }

// ErrAbort, returned or as the value of a panic, cuts the connection without an answer and without a word in the log.
var ErrAbort = errors.New("native: handler aborted")

// What a handler is told about its response or its request.
var (
	ErrBodyNotAllowed = errors.New("native: the status does not allow a body")
	ErrContentLength  = errors.New("native: more bytes written than the declared Content-Length")
	ErrStarted        = errors.New("native: the response has begun")
	ErrNoConn         = errors.New("native: there is no connection behind this request")
)

// errBodyTooLarge is what reading a body gives at its bound.
var errBodyTooLarge = &Error{Status: 413}

// errBodyLate is what reading a body gives when its bytes come too slowly.
var errBodyLate = &Error{Status: 408}
