package http2

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppendHead(t *testing.T) {
	body := http.MaxBytesReader(nil, http.NoBody, 0) // any that is not NoBody
	for _, tt := range []struct {
		r    http.Request
		want string // "": an error
	}{
		{http.Request{Method: "GET", RequestURI: "/a?b", Host: "h"}, "GET /a?b HTTP/1.1|Host: h|"},
		{http.Request{Method: "OPTIONS", RequestURI: "*", Host: "h"}, "OPTIONS * HTTP/1.1|Host: h|"},
		{http.Request{Method: "CONNECT", RequestURI: "h:1", Host: "h:1"}, "CONNECT h:1 HTTP/1.1|Host: h:1|"},
		{http.Request{Method: "GET", RequestURI: "/", Host: "h", Header: http.Header{
			"Connection": {"x"}, "Keep-Alive": {"1"}, "Proxy-Connection": {"x"}, "Te": {"trailers"}, "Upgrade": {"websocket"},
			"Transfer-Encoding": {"chunked"}, "Http2-Settings": {"x"}, "Trailer": {"x"}, "Expect": {"100-continue"}, "X": {"1", "2"},
		}}, "GET / HTTP/1.1|Host: h|X: 1|X: 2|"},
		{http.Request{Method: "POST", RequestURI: "/", Host: "h", Body: body, ContentLength: 5, Header: http.Header{"Content-Length": {"6"}}},
			"POST / HTTP/1.1|Host: h|Content-Length: 5|"},
		{http.Request{Method: "POST", RequestURI: "/", Host: "h", Body: body, Header: http.Header{"Content-Length": {"0"}}},
			"POST / HTTP/1.1|Host: h|Content-Length: 0|"},
		{http.Request{Method: "POST", RequestURI: "/", Host: "h", Body: body, ContentLength: -1},
			"POST / HTTP/1.1|Host: h|Transfer-Encoding: chunked|"},
		{http.Request{Method: "POST", RequestURI: "/", Host: "h", Body: body, ContentLength: 5, Trailer: http.Header{"B": nil, "A": nil}},
			"POST / HTTP/1.1|Host: h|Transfer-Encoding: chunked|Trailer: A,B|"},

		{http.Request{Method: "GET /a HTTP/1.1", RequestURI: "/", Host: "h"}, ""},
		{http.Request{Method: "GET\r\nX:", RequestURI: "/", Host: "h"}, ""},
		{http.Request{Method: "", RequestURI: "/", Host: "h"}, ""},
		{http.Request{Method: "GET", RequestURI: "", Host: "h"}, ""},
		{http.Request{Method: "GET", RequestURI: "/ HTTP/1.1", Host: "h"}, ""},
		{http.Request{Method: "GET", RequestURI: "/\r\nX: y", Host: "h"}, ""},
		{http.Request{Method: "GET", RequestURI: "/\x7f", Host: "h"}, ""},
		{http.Request{Method: "GET", RequestURI: "http://other/", Host: "h"}, ""},
		{http.Request{Method: "OPTIONS", RequestURI: "h:1", Host: "h:1"}, ""},
		{http.Request{Method: "GET", RequestURI: "/", Host: "h\r\nX: y"}, ""},
		{http.Request{Method: "GET", RequestURI: "/", Host: "h", Header: http.Header{"A b": {""}}}, ""},
		{http.Request{Method: "GET", RequestURI: "/", Host: "h", Header: http.Header{"A": {"b\nc"}}}, ""},
		{http.Request{Method: "GET", RequestURI: "/", Host: "h", Header: http.Header{":protocol": {"websocket"}}}, ""},
		{http.Request{Method: "POST", RequestURI: "/", Host: "h", Body: body, Trailer: http.Header{"A\r\nB": nil}, ContentLength: -1}, ""},
	} {
		head, err := appendHead(nil, &tt.r)
		if tt.want == "" {
			require.Error(t, err, "%q", head)
			continue
		}
		require.NoError(t, err)
		want := strings.ReplaceAll(tt.want, "|", "\r\n") + "Connection: close\r\n\r\n"
		require.Equal(t, want, string(head))
	}
}

// What cannot be a request of HTTP/1 is answered here.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		r      http.Request
		status int
	}{
		{http.Request{Method: "GET", RequestURI: "/ HTTP/1.1\r\n", Host: "h"}, 400},
		{http.Request{Method: "CONNECT", RequestURI: "/chat", Host: "h", Header: http.Header{":protocol": {"websocket"}}}, 501},
	} {
		w := httptest.NewRecorder()
		new(bridge).ServeHTTP(w, &tt.r)
		require.Equal(t, tt.status, w.Code)
	}
}

// FuzzHead: whatever a client sends, a head is one request, and the one that was meant.
func FuzzHead(f *testing.F) {
	f.Add("GET", "/", "h", "X-A", "b")
	f.Add("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", "/", "h", "X-A", "b")
	f.Add("GET", "/ HTTP/1.1\r\n\r\n", "h", "Content-Length", "5")
	f.Add("GET", "/", "a\r\nTransfer-Encoding: chunked", "X-A", "b")
	f.Add("GET", "/", "h", "A: b\r\nC", "\r\n\r\n")
	f.Fuzz(func(t *testing.T, method, target, host, name, value string) {
		head, err := appendHead(nil, &http.Request{Method: method, RequestURI: target, Host: host, Header: http.Header{name: {value}}})
		if err != nil {
			return
		}
		require.Equal(t, 1, bytes.Count(head, []byte("\r\n\r\n")))
		in := bufio.NewReader(bytes.NewReader(head))
		got, err := http.ReadRequest(in)
		if err != nil {
			return // the engine is stricter than net/http
		}
		require.Zero(t, in.Buffered())
		require.Equal(t, []string{method, target}, []string{got.Method, got.RequestURI})
		require.Zero(t, got.ContentLength)
		require.Empty(t, got.TransferEncoding)
		require.True(t, got.Close)
		if host != "" && got.URL.Host == "" {
			require.Equal(t, strings.Trim(host, " \t"), got.Host)
		}
	})
}
