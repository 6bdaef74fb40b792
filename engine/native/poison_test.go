//go:build poison

package native

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeptViewsAreSeen: whatever a handler keeps of a request reads as poison when the handler has returned, and what it
// cloned does not.
func TestKeptViewsAreSeen(t *testing.T) {
	views := map[string][]byte{}
	var clone *Request
	var cloned []byte
	keep := func(name string, v []byte) {
		if len(v) == 0 {
			t.Errorf("%s is empty", name)
		}
		views[name] = v
	}
	h := func(w *Response, r *Request) error {
		keep("method", r.Method())
		keep("target", r.Target())
		keep("path", r.Path())
		keep("host", r.Host())
		keep("raw query", r.RawQuery())
		keep("header", r.Header("X-A"))
		keep("parameter", r.Param("id"))
		keep("query", r.Query("q"))
		keep("decoded query", r.Query("d"))
		for name, value := range r.Headers() {
			keep("field "+string(name), value)
		}
		if r.ContentLength() < 0 {
			part := make([]byte, 3)
			_, err := io.ReadFull(r.BodyReader(), part)
			require.NoError(t, err)
		}
		body, err := r.Body()
		require.NoError(t, err)
		keep("body", body)
		for name, value := range r.Trailers() {
			keep("trailer "+string(name), value)
		}
		w.Set("X-Response", "mine")
		keep("response field", w.Get("X-Response"))
		clone = r.Clone()
		cloned = bytes.Clone(r.Target())
		return w.Text(200, "ok")
	}
	rt := NewRouter()
	rt.Handle("POST /p/{id}/x", h)
	rt.Handle("POST /{id}", h)
	s := &Server{Router: rt, Logger: quiet()}
	eng, err := s.begin(nil)
	require.NoError(t, err)
	for _, in := range []string{
		postTo("/p/plain/x?q=1&d=%41", "body", "X-A: b"), postTo("/p/d%65coded/x?q=1&d=a+b", strings.Repeat("x", 5000), "X-A: b"),
		postTo("/%70?q=1&d=%41", "body", "X-A: b"),
		strings.TrimSuffix(chunkedTo("/x?q=1&d=%41", "abcdef", 4), "\r\n") + "X-T: trailer\r\n\r\n",
	} {
		in = strings.Replace(in, "Transfer-Encoding", "X-A: b\r\nTransfer-Encoding", 1)
		for _, cut := range []int{len(in), len(in) - 3, 20} {
			clear(views)
			got, _ := playSplit(t, eng, []byte(in), cut)
			require.Contains(t, got, "200 OK")
			require.Greater(t, len(views), 12)
			for name, v := range views {
				require.Equal(t, bytes.Repeat([]byte{0xDB}, len(v)), v, "%s of %q", name, in)
			}
			require.Equal(t, cloned, clone.Target())
		}
	}
}
