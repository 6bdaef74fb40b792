package nethttp_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// A request that a handler keeps stays what it was, however many follow it on the connection.
func TestKeptRequests(t *testing.T) {
	kept := make(chan *http.Request, 500)
	addr := running(t, &nethttp.Server{Handler: withLast(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept <- r
	}))})
	var raw strings.Builder
	for i := range 300 {
		fmt.Fprintf(&raw, "GET /path/%d?query=%d HTTP/1.1\r\nHost: host%d\r\nX-Number: %d\r\nx-lower: %d\r\n%s\r\n", i, i, i, i, i,
			strings.Repeat(fmt.Sprintf("X-Many: %d\r\n", i), i%20))
	}
	talk(t, addr, step{send: raw.String() + lastRequest})
	for i := range 300 {
		r, n := <-kept, fmt.Sprint(i)
		require.Equal(t, "/path/"+n, r.URL.Path)
		require.Equal(t, "query="+n, r.URL.RawQuery)
		require.Equal(t, "/path/"+n+"?query="+n, r.RequestURI)
		require.Equal(t, "host"+n, r.Host)
		require.Equal(t, n, r.Header.Get("X-Number"))
		require.Equal(t, n, r.Header.Get("X-Lower"))
		require.Len(t, r.Header["X-Many"], i%20)
		for _, v := range r.Header["X-Many"] {
			require.Equal(t, n, v)
		}
		require.Error(t, r.Context().Err())
	}
}

// What a handler left behind cannot reach into the next response.
func TestLateUse(t *testing.T) {
	type left struct {
		w http.ResponseWriter
		r *http.Request
	}
	leave := make(chan left, 2)
	addr := running(t, &nethttp.Server{Handler: withLast(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave <- left{w, r}
	}))})
	got := talk(t, addr,
		step{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "200 OK"}, step{lastRequest, ""})
	require.Equal(t, 2, strings.Count(got, "HTTP/1.1 "))
	l := <-leave
	_, err := l.w.Write([]byte("late"))
	require.Error(t, err)
	_, err = io.Copy(l.w, strings.NewReader("late"))
	require.Error(t, err)
	rc := http.NewResponseController(l.w)
	require.Error(t, rc.Flush())
	_, err = l.r.Body.Read(make([]byte, 1))
	require.Equal(t, http.ErrBodyReadAfterClose, err)
	require.NoError(t, l.r.Body.Close())
	require.Panics(t, func() { rc.Hijack() })
	//lint:ignore SA1019 programs still use it
	require.Panics(t, func() { l.w.(http.CloseNotifier).CloseNotify() })
}

// A declared length is kept to, whatever a file has.
func TestFileLongerThanDeclared(t *testing.T) {
	answer := make(chan error, 1)
	addr := running(t, &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(sampleFile)
		require.NoError(t, err)
		defer f.Close()
		w.Header().Set("Content-Length", "1000")
		_, err = io.Copy(w, f)
		answer <- err
	}), ErrorLog: log.New(io.Discard, "", 0)})
	got := talk(t, addr, step{send: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"})
	require.Equal(t, http.ErrContentLength, <-answer)
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	require.Equal(t, sample[:1000], body)
}

// The server fits httptest's way of testing: a handler sees the same request through both.
func TestSameAsRecorder(t *testing.T) {
	addr := running(t, &nethttp.Server{Handler: plaintext()})
	rec := httptest.NewRecorder()
	plaintext().ServeHTTP(rec, httptest.NewRequest("GET", "/plaintext", nil))
	res, err := http.Get("http://" + addr + "/plaintext")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, rec.Code, res.StatusCode)
	require.Equal(t, rec.Body.String(), string(body))
	require.Equal(t, rec.Header().Get("Content-Type"), res.Header.Get("Content-Type"))
}
