package nethttp_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// mux is what both kinds have, the oracle first.
type mux interface {
	Handle(pattern string, handler http.Handler)
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
	Handler(r *http.Request) (h http.Handler, pattern string)
	http.Handler
}

func muxes() []mux { return []mux{http.NewServeMux(), nethttp.NewServeMux()} }

// refused returns what a registration panicked with, or nil.
func refused(m mux, pattern string) (reason any) {
	defer func() { reason = recover() }()
	m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q by %q", r.URL, r.Pattern)
		for _, name := range []string{"x", "y", "z", "none"} {
			fmt.Fprintf(w, " %s=%q", name, r.PathValue(name))
		}
	})
	return nil
}

// says is all that a mux answers to the bytes of a request.
func says(t testing.TB, m mux, raw string) string {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return "" // no server would hand it to a mux
	}
	_, pattern := m.Handler(r)
	rec := httptest.NewRecorder()
	m.ServeHTTP(rec, r)
	res := rec.Result()
	return fmt.Sprintf("%q %d %v %q", pattern, res.StatusCode, res.Header, rec.Body)
}

// TestMuxOracle has http.ServeMux judge patterns and requests that are made up: 20,000, or PEREGRINE_ROUTES of them.
func TestMuxOracle(t *testing.T) {
	steps := 20_000
	if s := os.Getenv("PEREGRINE_ROUTES"); s != "" {
		var err error
		steps, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	statuses := map[string]int{}
	for seed := uint64(1); steps > 0; seed++ {
		r := rand.New(rand.NewPCG(seed, 0))
		choose := func(words ...string) string { return words[r.IntN(len(words))] }
		both := muxes()
		var taken []string
		for range 1 + r.IntN(12) {
			steps--
			pattern := choose("", "", "GET ", "GET ", "POST ", "CONNECT ") + choose("", "", "", "h", "h:80", "[::1]")
			for range r.IntN(4) {
				pattern += "/" + choose("a", "a", "b", "a%2fb", "%61", "ab", "{x}", "{y}", "{x", ".")
			}
			pattern += choose("", "/", "/", "/{$}", "/{z...}", "/{z}")
			if strings.Contains(pattern, "//") {
				continue // see package radix
			}
			want, got := refused(both[0], pattern), refused(both[1], pattern)
			require.Equal(t, want == nil, got == nil, "seed %d, %q: %v; ServeMux: %v", seed, pattern, got, want)
			if want == nil {
				taken = append(taken, pattern)
			}
		}
		for range 40 {
			steps--
			path := ""
			for range r.IntN(5) {
				path += "/" + choose("a", "a", "a", "b", "a%2Fb", "%61", "ab", "c", "%2F", "%20", "a;b", "a", "b", ".", "..", "")
			}
			path += choose("", "", "/", "?q=%2f//")
			if path == "" || path[0] != '/' {
				path = "/" + path
			}
			method := choose("GET", "GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS")
			if method == "CONNECT" && strings.Contains(path, "//") {
				continue // see package radix
			}
			target := choose("", "", "", "http://h:90", "http://g") + path
			if method == "CONNECT" {
				target = choose(path, path, "h:80")
			}
			if r.IntN(200) == 0 {
				method, target = "OPTIONS", "*"
			}
			raw := method + " " + target + " HTTP/1.1\r\nHost: " + choose("h", "h:80", "h:90", "g", "[::1]", "[::1]:80", "") + "\r\n\r\n"
			want := says(t, both[0], raw)
			require.Equal(t, want, says(t, both[1], raw), "seed %d, patterns %q\n%s", seed, taken, raw)
			if _, status, ok := strings.Cut(want, `" `); ok {
				statuses[status[:3]]++
			}
		}
	}
	t.Log(statuses)
	for _, status := range []string{"200", "307", "404", "405"} {
		require.NotZero(t, statuses[status], "the generator never gets there")
	}
}

// TestMuxServed: the same program, with the one mux and with the other, on the one server and on the other.
func TestMuxServed(t *testing.T) {
	build := func(m mux) http.Handler {
		for _, pattern := range []string{"GET /users/{x}", "DELETE /users/{x}", "/files/{z...}", "/dir/", "h.example/{x}/{y}", "/{$}"} {
			require.Nil(t, refused(m, pattern))
		}
		return m
	}
	var addrs []string
	for _, kind := range kinds {
		for _, m := range muxes() {
			addrs = append(addrs, running(t, kind.make(build(m), nil)))
		}
	}
	for _, target := range []string{
		"GET /users/a%2Fb", "HEAD /users/1", "PUT /users/1", "GET /files/a/b%20c/", "GET /files", "GET /dir?q", "GET /dir/x",
		"GET //dir/../users/%2e", "GET /none", "GET /", "OPTIONS *", "POST /dir/./", "CONNECT /dir", "GET http://h.example:80/1/2",
	} {
		request := step{send: target + " HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n"}
		want := talk(t, addrs[0], request)
		require.Contains(t, want, "HTTP/1.1 ")
		for _, addr := range addrs[1:] {
			require.Equal(t, want, talk(t, addr, request), target)
		}
	}
}
