package nethttp_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

const expecting = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"

// The client is asked to go on by the first Read, not before, and not if it has been answered otherwise.
func TestExpectOracle(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		steps []step
	}{
		{"read", echoBody, []step{{expecting, "100 Continue\r\n\r\n"}, {"hello" + lastRequest, ""}}},
		{"read in pieces", echoBody, []step{{expecting, "100 Continue\r\n\r\n"}, {"he", ""}, {"llo" + lastRequest, ""}}},
		{"refused", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(413) },
			[]step{{expecting, "Connection: close\r\n\r\n"}, {"hello", ""}}},
		{"answered, then read", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %v", body, err)
		}, []step{{expecting, "HTTP/1.1 200 OK"}, {"hello", ""}}},
		{"hints, then read", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			echoBody(w, r)
		}, []step{{expecting, "100 Continue\r\n\r\n"}, {"hello" + lastRequest, ""}}},
		{"100 by hand", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(100)
			echoBody(w, r)
		}, []step{{expecting, "100 Continue\r\n\r\n"}, {"hello" + lastRequest, ""}}},
		{"panic", func(w http.ResponseWriter, r *http.Request) {
			io.ReadFull(r.Body, make([]byte, 5))
			panic(http.ErrAbortHandler)
		}, []step{{expecting, "100 Continue\r\n\r\n"}, {"hello", ""}}},
		{"the second on the connection", echoBody, []step{
			{expecting, "100 Continue\r\n\r\n"}, {"hello", "hello"}, {expecting, "hello" + "HTTP/1.1 100 Continue\r\n\r\n"},
			{"again" + lastRequest, ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) { compare(t, c.serve, c.steps...) })
	}
}

func echoBody(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	w.Write(body)
}
