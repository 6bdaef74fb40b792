package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
)

// logged logs each request when its handler has returned. For a status that comes of an error there is answerError.
func logged(log *slog.Logger) native.Middleware {
	return func(next native.Handler) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			start := time.Now()
			err := next(w, r)
			log.Info("request", "method", string(r.Method()), "path", string(r.Path()), "pattern", r.Pattern(),
				"status", w.Status(), "bytes", w.Written(), "took", time.Since(start), "error", err)
			return err
		}
	}
}

// author is the key of the request's value that says who sent it.
type author struct{}

// authorized lets requests pass that have the token.
func authorized(token string) native.Middleware {
	want := sha256.Sum256([]byte("Bearer " + token))
	return func(next native.Handler) native.Handler {
		return func(w *native.Response, r *native.Request) error {
			got := sha256.Sum256(r.Header("Authorization")) // of one length, for a comparison that takes one time
			if subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
				w.Set("WWW-Authenticate", "Bearer")
				return native.Errorf(401, "a token is needed")
			}
			host, _, err := net.SplitHostPort(r.RemoteAddr().String())
			if err != nil {
				return err
			}
			r.Set(author{}, host)
			return next(w, r)
		}
	}
}

// answerError makes a JSON answer of what a handler has returned: of a *native.Error what it says, of others 500.
func answerError(log *slog.Logger) func(*native.Response, *native.Request, error) {
	return func(w *native.Response, r *native.Request, err error) {
		status, message := 500, "something went wrong"
		var known *native.Error
		if errors.As(err, &known) {
			status, message = known.Status, known.Message
		} else {
			log.Error("handler failed", "pattern", r.Pattern(), "error", err)
		}
		w.JSON(status, map[string]string{"error": message})
	}
}
