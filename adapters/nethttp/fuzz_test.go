package nethttp_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// script is a handler written as pairs of bytes: what to do, and with what.
type script []byte

var (
	scriptNames = []string{"Content-Type", "Content-Encoding", "Connection", "Date", "Trailer", "X-A", "X-B", "Etag",
		http.TrailerPrefix + "X-C", "bad name", "X-Frame-Options", "Upgrade", "Link"}
	scriptValues = []string{"", "close", "keep-alive", "X-A", "text/plain", "X-A, X-B", "a\r\nb: c", " x ", "foo, close"}
	scriptCodes  = []int{200, 201, 204, 206, 304, 400, 404, 413, 499, 500, 103, 102, 100, 301}
)

func (s script) serve(w http.ResponseWriter, r *http.Request) {
	for ; len(s) >= 2; s = s[2:] {
		arg := int(s[1])
		name, value := scriptNames[arg%len(scriptNames)], scriptValues[arg/len(scriptNames)%len(scriptValues)]
		switch s[0] % 16 {
		case 0, 1:
			w.Header().Set(name, value)
		case 2:
			w.Header().Add(name, value)
		case 3:
			w.Header().Del(name)
		case 4:
			w.Header()[name] = nil
		case 5:
			w.WriteHeader(scriptCodes[arg%len(scriptCodes)])
		case 6:
			w.Write([]byte(sample[:arg*16]))
		case 7:
			io.WriteString(w, sample[:arg*16])
		case 8:
			w.Write([]byte(sample[:arg]))
		case 9:
			w.(http.Flusher).Flush()
		case 10:
			n, err := io.ReadFull(r.Body, make([]byte, 2*(arg+1))) // one Read depends on how the body arrived
			fmt.Fprint(w, n, err)
		case 11:
			n, err := io.Copy(w, strings.NewReader(sample[:arg*64]))
			fmt.Fprint(w, n, err)
		case 12:
			if r.ProtoMinor == 1 {
				w.Header().Set("Transfer-Encoding", []string{"chunked", "identity", "gzip"}[arg%3])
			}
		case 13:
			if !strings.HasPrefix(r.Header.Get("Connection"), "keep") {
				w.Header().Set("Content-Length", fmt.Sprint(arg*16))
			}
		case 14:
			if r.Header.Get("Expect") == "" { // net/http forgets the expectation with the body
				r.Body = http.MaxBytesReader(w, r.Body, int64(2*arg)) // never one less than what is read at once
			}
		case 15:
			if arg < 8 {
				panic(http.ErrAbortHandler)
			}
			if r.Header.Get("Expect") == "" { // net/http does not see the end that Close finds
				r.Body.Close()
			}
		}
	}
}

// FuzzHandler gives the same script to net/http and to us.
func FuzzHandler(f *testing.F) {
	var run atomic.Pointer[script]
	h := withLast(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { run.Load().serve(w, r) }))
	var addrs [2]string
	for i, k := range kinds {
		addrs[i] = running(f, k.make(h, log.New(io.Discard, "", 0)))
	}
	for i := range oracleRequests {
		f.Add(uint8(i), []byte{0, 5, 6, 100, 9, 0, 8, 3})
		f.Add(uint8(i), []byte{5, 3, 13, 4, 6, 4, 5, 1})
		f.Add(uint8(i), []byte{12, 1, 0, 2, 7, 255, 7, 255})
		f.Add(uint8(i), []byte{14, 3, 10, 200, 10, 1, 6, 2})
		f.Add(uint8(i), []byte{5, 10, 2, 4, 2, 5, 11, 60, 3, 4, 8, 1})
		f.Add(uint8(i), []byte{0, 13, 6, 1, 9, 0, 10, 255, 15, 0})
		f.Add(uint8(i), []byte{14, 48, 7, 48, 10, 48})
		f.Add(uint8(i), []byte{10, 48, 9, 0, 10, 48})
		f.Add(uint8(i), []byte{10, 48, 7, 167, 10, 48})
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		r := oracleRequests[int(which)%len(oracleRequests)]
		if isIntended(oracleHandler{}, r) || len(text) > 64 {
			return
		}
		s := script(text)
		run.Store(&s)
		steps := append([]step(nil), r.steps...)
		steps[len(steps)-1].send += lastRequest
		want, got := talk(t, addrs[0], steps...), talk(t, addrs[1], steps...)
		if want != got {
			t.Errorf("request %q, script %v\nwant %s\ngot  %s", r.name, text, readable(want), readable(got))
		}
	})
}
