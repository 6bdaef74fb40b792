package constcache_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// TestSplitAcceptEncoding cuts every field value at every place.
func TestSplitAcceptEncoding(t *testing.T) {
	a := negotiable(t)
	for _, c := range acceptEncodings {
		for i := range len(c.accept) {
			for _, part := range []string{c.accept[:i], c.accept[i:]} {
				require.Equal(t, slowSelected(part), selected(a, part), "%q", part)
			}
		}
	}
}

func TestSplitIfNoneMatch(t *testing.T) {
	a := answer(t, constcache.Source{Status: 200, Fields: []constcache.Field{{"ETag", `"v1"`}}, Body: page})
	for _, list := range noneMatches {
		for i := range len(list) {
			for _, part := range []string{list[:i], list[i:]} {
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("If-None-Match", part)
				w := httptest.NewRecorder()
				w.Header().Set("ETag", `"v1"`)
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(page))
				status, _, _ := a.Parts(&constcache.Ask{IfNoneMatch: []byte(part)})
				require.Equal(t, w.Code, status, "%q", part)
			}
		}
	}
}

// TestSplitRoom: the response is the same however much room there is for it.
func TestSplitRoom(t *testing.T) {
	a := answer(t, constcache.Source{Status: 200, Body: []byte("body")})
	for _, ask := range []constcache.Ask{{Minor: 1}, {Minor: 0}, {Minor: 1, Head: true}, {Minor: 1, IfNoneMatch: []byte("*")}} {
		want := "before" + string(a.Append(nil, date, &ask))
		for room := range len(want) + 2 {
			out := append(make([]byte, 0, 6+room), "before"...)
			require.Equal(t, want, string(a.Append(out, date, &ask)))
		}
	}
}
