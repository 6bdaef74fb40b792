package native

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var oracleRoutes = []string{
	"GET /{$}", "GET /users", "GET /users/{id}", "POST /users", "DELETE /users/{id}", "/any", "GET /dir/", "POST /post/",
	"GET /files/{path...}", "GET /a/{x}/c", "GET /b/{y}", "GET /a/b/c", "PUT /users/{id}/x/{$}", "example.com/", "GET example.com/host/{h}",
	"OPTIONS /opt", "HEAD /head", "GET /enc%2Foded", "GET /sp%20ace", "/tree/{a}/", "GET /tree/{a}/{b}",
}

// TestServeMuxJudges: status, Allow, Location and parameters are those of http.ServeMux on net/http, for requests of all
// kinds. What differs on purpose stands below, and nowhere else.
func TestServeMuxJudges(t *testing.T) {
	mux, rt := http.NewServeMux(), NewRouter()
	names := []string{"id", "path", "x", "y", "h", "a", "b"}
	for _, pattern := range oracleRoutes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Pattern)
			for _, n := range names {
				fmt.Fprintf(w, " %q", r.PathValue(n))
			}
		})
		rt.Handle(pattern, func(w *Response, r *Request) error {
			fmt.Fprint(w, r.Pattern())
			for _, n := range names {
				fmt.Fprintf(w, " %q", r.Param(n))
			}
			return nil
		})
	}
	theirs := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go theirs.Serve(l)
	t.Cleanup(func() { theirs.Close() })
	ours := serve(t, "", rt)

	segments := []string{"", "users", "any", "dir", "post", "files", "a", "b", "c", "x", "tree", "enc%2Foded", "sp%20ace", "opt", "head",
		".", "..", "%2F", "%41", "host", "7", "%zz", "é", "%C3%A9", "a;b", "a:b", "%00", "\\", "%5C", "+", "~", "'", "%25"}
	methods := []string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW", "PATCH"}
	hosts := []string{"h", "h", "example.com", "example.com:80", "EXAMPLE.com", "[::1]:80", ""}
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(s []string) string { return s[r.IntN(len(s))] }
	ask := func(c net.Conn, br *bufio.Reader, in, method string) (reply, error) {
		if _, err := io.WriteString(c, in); err != nil {
			return reply{}, err
		}
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return reply{}, err
		}
		b, err := io.ReadAll(resp.Body)
		return reply{resp, string(b)}, err
	}
	conns := map[string]net.Conn{}
	readers := map[string]*bufio.Reader{}
	dial := func(addr string) {
		if c := conns[addr]; c != nil {
			c.Close()
		}
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		c.SetDeadline(time.Now().Add(patience))
		conns[addr], readers[addr] = c, bufio.NewReader(c)
	}
	found := map[int]int{}
	for range 6000 {
		method, target := pick(methods), ""
		for range 1 + r.IntN(4) {
			target += "/" + pick(segments)
		}
		if r.IntN(3) == 0 {
			target += "/"
		}
		if r.IntN(4) == 0 {
			target += "?" + pick([]string{"", "a=b", "x%41", "?", "//"})
		}
		if strings.ContainsAny(target, "é\\") && strings.Contains(target, "%") {
			continue // net/url then forgets what was escaped and what not
		}
		host := pick(hosts)
		if r.IntN(6) == 0 && host != "" {
			target = "http://" + host + target
			host = "other"
		}
		if r.IntN(40) == 0 {
			method, target = "OPTIONS", "*"
		}
		in := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, target, host)
		var got [2]reply
		for i, addr := range []string{l.Addr().String(), ours.addr} {
			if conns[addr] == nil {
				dial(addr)
			}
			var err error
			if got[i], err = ask(conns[addr], readers[addr], in, method); err != nil {
				require.NoError(t, err, "%d: %q", i, in)
			}
			if got[i].Close {
				conns[addr].Close()
				conns[addr] = nil
			}
		}
		want, have := got[0], got[1]
		found[have.StatusCode]++
		switch {
		case target == "*":
			require.Equal(t, []int{200, 204}, []int{want.StatusCode, have.StatusCode}, in)
			continue
		case want.StatusCode == 405 && method == "OPTIONS": // we answer it
			require.Equal(t, 204, have.StatusCode, in)
		case want.StatusCode == 400 && have.StatusCode != 400, want.StatusCode != 400 && have.StatusCode == 400:
			// How a target is spelled is httpparse's to judge, not the router's; see the lists there.
			require.Contains(t, in, "%", in)
			continue
		default:
			require.Equal(t, want.StatusCode, have.StatusCode, in)
		}
		if want.StatusCode == 405 {
			allow := strings.Split(want.get("Allow"), ", ")
			if !slices.Contains(allow, "OPTIONS") {
				allow = append(allow, "OPTIONS")
			}
			require.ElementsMatch(t, allow, strings.Split(have.get("Allow"), ", "), in)
		}
		// ServeMux escapes once more what was escaped; ours leads to where the request meant.
		require.Equal(t, meant(want.get("Location")), meant(have.get("Location")), in)
		// A browser would take /\host for //host.
		require.NotContains(t, have.get("Location"), `\`, in)
		if want.StatusCode == 200 {
			require.Equal(t, want.body, have.body, in)
		}
	}
	for _, status := range []int{200, 307, 404, 405, 204} {
		require.Greater(t, found[status], 20, "hardly any %d among %v", status, found)
	}
}

// meant undoes all escapes.
func meant(location string) string {
	for {
		plain, err := url.PathUnescape(location)
		if err != nil || plain == location {
			return location
		}
		location = plain
	}
}
