package constcache_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/peregrine-http/peregrine/constcache"
)

// FuzzAcceptEncoding: negotiation agrees with its slow twin.
func FuzzAcceptEncoding(f *testing.F) {
	for _, c := range acceptEncodings {
		f.Add(c.accept)
	}
	a := negotiable(f)
	f.Fuzz(func(t *testing.T, accept string) {
		if strings.ContainsAny(accept, "\r\n") {
			t.Skip("no field value")
		}
		if want, got := slowSelected(accept), selected(a, accept); want != got {
			t.Fatalf("%q: want %s, got %s", accept, want, got)
		}
	})
}

// FuzzMake: whatever Make takes, net/http's client reads as one response with the fields and body that were meant.
func FuzzMake(f *testing.F) {
	f.Add(200, "Content-Type", "text/plain", "body", `"v1"`, uint8(0))
	f.Add(404, "X", "a\r\nY: b", "", "*", uint8(1))
	f.Add(204, "ETag", `W/"x"`, "", `"x"`, uint8(2))
	f.Add(599, "Vary", "*", "body", "", uint8(7))
	f.Fuzz(func(t *testing.T, status int, name, value, body, noneMatch string, bits uint8) {
		a, err := constcache.Make(constcache.Source{Status: status, Fields: []constcache.Field{{Name: name, Value: value}}, Body: []byte(body)},
			constcache.Encoder{Name: "gzip", Encode: gzipped})
		if err != nil {
			return
		}
		ask := constcache.Ask{Head: bits&1 != 0, Close: bits&2 != 0, Minor: bits >> 2 & 1, IfNoneMatch: []byte(noneMatch)}
		method := "GET"
		if ask.Head {
			method = "HEAD"
		}
		res := parse(t, a.Append(nil, date, &ask), method)
		if res.rest != "" || res.StatusCode != status && res.StatusCode != http.StatusNotModified {
			t.Fatalf("status %d, %q left over", res.StatusCode, res.rest)
		}
		if want := body; res.StatusCode == status && !ask.Head && res.body != want {
			t.Fatalf("body %q, want %q", res.body, want)
		}
		if _, fields, _ := a.Parts(&ask); len(fields) > 0 && strings.EqualFold(fields[0].Name, name) {
			if got := res.Header[http.CanonicalHeaderKey(name)]; len(got) == 0 || !bytes.Contains([]byte(value), []byte(got[0])) {
				t.Fatalf("field %q: %q, want %q", name, got, value)
			}
		}
	})
}
