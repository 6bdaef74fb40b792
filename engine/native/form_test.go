package native

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestForm(t *testing.T) {
	rt := NewRouter()
	rt.Handle("POST /", func(w *Response, r *Request) error {
		if err := r.ParseForm(); err != nil {
			return err
		}
		for n, v := range r.FormAll() {
			fmt.Fprintf(w, "%s=%s;", n, v)
		}
		return nil
	})
	rt.Handle("POST /silent", func(w *Response, r *Request) error {
		return w.Text(200, fmt.Sprintf("%q %v", r.Form("a"), r.Form("a") == nil))
	})
	rt.Handle("POST /small", func(_ *Response, r *Request) error {
		r.SetBodyBytesMax(5)
		return r.ParseForm()
	})
	base := "http://" + serve(t, "", rt).addr
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		path, contentType, body string
		status                  int
		answer                  string
	}{
		{"/", form, "a=1&b=two+words&c=%26%3d&a=2&d", 200, "a=1;b=two words;c=&=;a=2;d=;"},
		{"/", "Application/X-WWW-Form-urlencoded; charset=utf-8", "a=1", 200, "a=1;"},
		{"/", form, "", 200, ""},
		{"/", form, "a=%zz&b=;&%=x&c=1", 200, "c=1;"},
		{"/", "", "a=1", 415, "want a body of type application/x-www-form-urlencoded\n"},
		{"/", "multipart/form-data; boundary=x", "a=1", 415, "want a body of type application/x-www-form-urlencoded\n"},
		{"/", form, strings.Repeat("&", FormPairsMax-1), 200, ""},
		{"/", form, strings.Repeat("&", FormPairsMax), 413, "the form has too many fields\n"},
		{"/small", form, "a=12345", 413, "Request Entity Too Large\n"},
		{"/silent", form, "a=1", 200, `"1" false`},
		{"/silent", form, "a=", 200, `"" false`},
		{"/silent", form, "b=1", 200, `"" true`},
		{"/silent", "text/plain", "a=1", 200, `"" true`},
	} {
		status, answer := postBody(t, base+c.path, c.contentType, strings.NewReader(c.body))
		require.Equal(t, c.status, status, "%.80s: %s", c.body, answer)
		require.Equal(t, c.answer, answer, "%.80s", c.body)
	}
}

// FuzzForm: net/url reads the same.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=two+words&c=%26%3d&a=2&d", "a=%zz&b=;&%=x&c=1", "&&=&=a&%00=%ff", "a==b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := requestOf(t, "Content-Type: application/x-www-form-urlencoded\r\n")
		r.body.fetched, r.body.whole = true, []byte(body)
		got := url.Values{}
		for n, v := range r.FormAll() {
			got.Add(string(n), string(v))
		}
		want, _ := url.ParseQuery(body)
		require.Equal(t, want, got)
		for n, v := range want {
			require.Equal(t, v[0], string(r.Form(n)))
		}
	})
}
