package nethttp_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

type oracleHandler struct {
	name  string
	serve http.HandlerFunc
}

type oracleRequest struct {
	name  string
	steps []step
}

func request(name string, raw string) oracleRequest {
	return oracleRequest{name, []step{{send: raw}}}
}

const hostX = "Host: x\r\n"

var oracleRequests = []oracleRequest{
	request("GET", "GET /a HTTP/1.1\r\n"+hostX+"\r\n"),
	request("GET, closing", "GET /a HTTP/1.1\r\n"+hostX+"Connection: close\r\n\r\n"),
	request("GET, closing among others", "GET /a HTTP/1.1\r\n"+hostX+"Connection: foo, Close\r\n\r\n"),
	request("GET 1.0", "GET /a HTTP/1.0\r\n\r\n"),
	request("GET 1.0, keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
	request("GET 1.0, Keep-Alive with Host", "GET /a HTTP/1.0\r\n"+hostX+"Connection: Keep-Alive\r\n\r\n"),
	request("HEAD", "HEAD /a HTTP/1.1\r\n"+hostX+"\r\n"),
	request("HEAD 1.0, keep-alive", "HEAD /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
	request("three at once", strings.Repeat("GET /a HTTP/1.1\r\n"+hostX+"\r\n", 3)),
	request("fields", "GET /a/b?q=1&r=%20 HTTP/1.1\r\nhOST: x:80\r\nuser-agent:  ua \r\nX-one: 1\r\nx-ONE: 2\r\n"+
		"accept: */*\r\nAccept-Encoding: gzip, br\r\nx_y: z\r\nX-One: 3\r\nCookie: a=b; c=d\r\nCookie: e=f\r\n"+
		"Pragma: no-cache\r\nX-Empty:\r\nContent-MD5: q\r\nETag: e\r\nSec-WebSocket-Key: k\r\nLast: l\r\n\r\n"),
	request("POST", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"),
	request("POST, nothing", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 0\r\n\r\n"),
	request("POST 1.0", "POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"),
	request("POST form", "POST /a?x=1 HTTP/1.1\r\n"+hostX+"Content-Length: 7\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\n\r\nx=2&y=3"),
	request("POST chunked", "POST /a HTTP/1.1\r\n"+hostX+"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
	request("POST chunked with trailers", "POST /a HTTP/1.1\r\n"+hostX+"Transfer-Encoding: chunked\r\nTrailer: x-t, X-U\r\n\r\n"+
		"3\r\nabc\r\n0\r\nX-t: 1\r\nX-V: 2\r\nx-v: 3\r\n\r\n"),
	request("POST chunked, closing", "POST /a HTTP/1.1\r\n"+hostX+"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
	request("PUT 100 KB", "PUT /a HTTP/1.1\r\n"+hostX+"Content-Length: 100000\r\n\r\n"+strings.Repeat("0123456789", 10000)),
	request("PUT 100 KB chunked", "PUT /a HTTP/1.1\r\n"+hostX+"Transfer-Encoding: chunked\r\n\r\n"+
		strings.Repeat("64\r\n"+strings.Repeat("0123456789", 10)+"\r\n", 1000)+"0\r\n\r\n"),
	request("GET with a body", "GET /a HTTP/1.1\r\n"+hostX+"Content-Length: 3\r\n\r\nabc"),
	request("Expect, body at once", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"),
	request("Expect without a body", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 0\r\nExpect: 100-continue\r\n\r\n"),
	request("Expect on 1.0", "POST /a HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"),
	request("Expect something else", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 5\r\nExpect: a-miracle\r\n\r\nhello"),
	request("OPTIONS *", "OPTIONS * HTTP/1.1\r\n"+hostX+"\r\n"),
	request("OPTIONS * with a body", "OPTIONS * HTTP/1.1\r\n"+hostX+"Content-Length: 5\r\n\r\nhello"),
	request("OPTIONS * with a large body", "OPTIONS * HTTP/1.1\r\n"+hostX+"Content-Length: 9000\r\n\r\n"+strings.Repeat("x", 9000)),
	request("CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
	request("absolute-form", "GET http://other.example:81/p/q?r=s HTTP/1.1\r\nHost: other.example:81\r\n\r\n"),
	request("absolute-form, another Host", "GET http://other.example/ HTTP/1.1\r\n"+hostX+"\r\n"),
	request("escapes", "GET /a%2Fb/%e2%82%ac?x=%zz HTTP/1.1\r\n"+hostX+"\r\n"),
	request("odd path", "GET //a//b/../c;d=e,f:@!$&'()*+~[]|?? HTTP/1.1\r\n"+hostX+"\r\n"),
	request("empty query", "GET /a? HTTP/1.1\r\n"+hostX+"\r\n"),
	request("own method", "BREW /a HTTP/1.1\r\n"+hostX+"\r\n"),
	request("lower-case method", "get /a HTTP/1.1\r\n"+hostX+"\r\n"),
	request("upgrade", "GET /a HTTP/1.1\r\n"+hostX+"Connection: Upgrade\r\nUpgrade: other\r\n\r\n"),
	request("TE", "GET /a HTTP/1.1\r\n"+hostX+"TE: trailers\r\nConnection: TE\r\n\r\n"),
	request("empty line after POST", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: 5\r\n\r\nhello\r\n"),
	request("missing Host", "GET /a HTTP/1.1\r\n\r\n"),
	request("two Hosts", "GET /a HTTP/1.1\r\n"+hostX+hostX+"\r\n"),
	request("malformed Host", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n"),
	request("bad name", "GET /a HTTP/1.1\r\n"+hostX+"a b: c\r\n\r\n"),
	request("bad value", "GET /a HTTP/1.1\r\n"+hostX+"a: b\x01c\r\n\r\n"),
	request("bad coding", "POST /a HTTP/1.1\r\n"+hostX+"Transfer-Encoding: gzip\r\n\r\n"),
	request("bad length", "POST /a HTTP/1.1\r\n"+hostX+"Content-Length: x\r\n\r\n"),
	request("bad escape", "GET /%zz HTTP/1.1\r\n"+hostX+"\r\n"),
	request("HTTP/3.0", "GET /a HTTP/3.0\r\n"+hostX+"\r\n"),
	request("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	request("no version", "GET /a\r\n"+hostX+"\r\n"),
	{"body in pieces", []step{
		{"POST /a HTTP/1.1\r\n" + hostX + "Content-Le", ""},
		{"ngth: 10\r\n\r\nhel", ""},
		{"lo", ""},
		{"there", ""},
	}},
}

// intended are the differences that are meant, as handler and request; "" stands for all.
var intended = [][2]string{
	// The status line gives a reason that net/http keeps to itself.
	{"", "two Hosts"}, {"", "bad value"},
	// A Content-Length that is no number is not sent. net/http sends it where it does not use chunks.
	{"length bad", ""}, {"length negative", ""},
	// A body that ends with the connection is not followed by another response.
	{"coding and length", "GET 1.0, keep-alive"}, {"coding and length", "GET 1.0, Keep-Alive with Host"},
	{"coding chunked and length", "GET 1.0, keep-alive"}, {"coding chunked and length", "GET 1.0, Keep-Alive with Host"},
	// How much one Read returns depends on how the body arrived, and each Read becomes a chunk.
	{"full duplex echo", "PUT 100 KB"}, {"full duplex echo", "PUT 100 KB chunked"},
}

func isIntended(h oracleHandler, r oracleRequest) bool {
	return slices.ContainsFunc(intended, func(d [2]string) bool {
		return (d[0] == "" || d[0] == h.name) && (d[1] == "" || d[1] == r.name)
	})
}

var sample = strings.Repeat("The quick brown fox jumps over the lazy dog.\n", 3000) // 135000 bytes

var oracleHandlers = []oracleHandler{
	{"nothing", func(http.ResponseWriter, *http.Request) {}},
	{"hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello, World!") }},
	{"hello typed", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write([]byte("Hello, World!"))
	}},
	{"dump", dump},
	{"dump late", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		dump(w, r)
	}},
	{"html", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html><body>x</body></html>") }},
	{"204", status(204, nil)},
	{"204 with fields", status(204, http.Header{"Content-Length": {"7"}, "Content-Type": {"a/b"}, "Transfer-Encoding": {"chunked"}})},
	{"304", status(304, http.Header{"Content-Length": {"7"}, "Content-Type": {"a/b"}, "Etag": {`"x"`}})},
	{"404", status(404, nil)},
	{"418", status(418, http.Header{"X-Tea": {"pot", "cup"}})},
	{"499", status(499, nil)},
	{"999", status(999, nil)},
	{"101", status(101, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"other"}})},
	{"http.Error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }},
	{"http.Redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere?x=y", 302) }},
	{"http.NotFound", http.NotFound},
	{"write 204", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(204)
		_, err := io.WriteString(w, "x")
		must(err == http.ErrBodyNotAllowed)
	}},
	{"length right", length("5", "hello")},
	{"length too long", length("6", "hello")},
	{"length too short", length("4", "hello")},
	{"length zero", length("0", "")},
	{"length zero, bytes", length("0", "x")},
	{"length bad", length("five", "hello")},
	{"length negative", length("-1", "hello")},
	{"length right, large", length(strconv.Itoa(len(sample)), sample)},
	{"2047", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, sample[:2047]) }},
	{"2048", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, sample[:2048]) }},
	{"2049", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, sample[:2049]) }},
	{"2048 bytes", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(sample[:2048])) }},
	{"2049 bytes", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(sample[:2049])) }},
	{"5000 in two", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(sample[:1000]))
		w.Write([]byte(sample[1000:5000]))
	}},
	{"large", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(sample)) }},
	{"large string", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, sample) }},
	{"small pieces", func(w http.ResponseWriter, _ *http.Request) {
		for s := sample; s != ""; s = s[45:] {
			io.WriteString(w, s[:45])
		}
	}},
	{"middle pieces", func(w http.ResponseWriter, _ *http.Request) {
		for s := sample; s != ""; s = s[5000:] {
			w.Write([]byte(s[:5000]))
		}
	}},
	{"flush first", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		io.WriteString(w, "late")
	}},
	{"flush between", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "piece %d;", i)
			must(http.NewResponseController(w).Flush() == nil)
		}
	}},
	{"flush with length", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		io.WriteString(w, "abc")
		w.(http.Flusher).Flush()
		io.WriteString(w, "def")
	}},
	{"write nothing", func(w http.ResponseWriter, _ *http.Request) {
		n, err := w.Write(nil)
		must(n == 0 && err == nil)
	}},
	{"copy", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader(sample)) }},
	{"copy short", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader(sample[:300])) }},
	{"copy 512", func(w http.ResponseWriter, _ *http.Request) {
		io.Copy(w, io.LimitReader(strings.NewReader(sample), 512))
	}},
	{"copy with length", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(sample)))
		io.Copy(w, struct{ io.Reader }{strings.NewReader(sample)})
	}},
	{"file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, sampleFile) }},
	{"file, ranges", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Range", "bytes=1000-70000")
		http.ServeFile(w, r, sampleFile)
	}},
	{"file, chunked", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(sampleFile)
		must(err == nil)
		defer f.Close()
		io.Copy(w, f)
	}},
	{"file with length", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(sampleFile)
		must(err == nil)
		defer f.Close()
		w.Header().Set("Content-Length", strconv.Itoa(len(sample)))
		io.WriteString(w, sample[:100])
		f.Seek(100, io.SeekStart)
		n, err := io.Copy(w, f)
		must(r.Method == "HEAD" || n == int64(len(sample)-100) && err == nil)
	}},
	{"trailers declared", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-A, x-b")
		w.Header().Add("Trailer", "X-C")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "1")
		w.Header().Set("X-B", "2")
		w.Header().Add("X-B", "3")
		w.Header().Set("X-D", "no")
	}},
	{"trailers by prefix", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	}},
	{"trailers by prefix, early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(http.TrailerPrefix+"X-Early", "1")
		io.WriteString(w, "body")
	}},
	{"trailers forbidden", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Content-Length, If-Match")
		io.WriteString(w, "body")
	}},
	{"coding identity", coded("identity", "")},
	{"coding chunked", coded("chunked", "")},
	{"coding other", coded("gzip", "")},
	{"coding and length", coded("gzip", "4")},
	{"coding chunked and length", coded("chunked", "4")},
	{"close", fields("Connection", "close")},
	{"close among others", fields("Connection", "foo, close")},
	{"keep-alive", fields("Connection", "keep-alive")},
	{"connection other", fields("Connection", "X-Other")},
	{"keep-alive with length", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "keep-alive")
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, "body")
	}},
	{"many fields", func(w http.ResponseWriter, _ *http.Request) {
		for i := range 30 {
			w.Header().Add(fmt.Sprintf("X-%d", i%20), strconv.Itoa(i))
		}
		io.WriteString(w, "body")
	}},
	{"splitting", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "one\r\nSet-Cookie: two\n\n")
		w.Header().Set("X-B", " \t trimmed\r\n ")
		w.Header()["X C"] = []string{"dropped"}
		w.Header()["X-D\r\nX-E"] = []string{"dropped"}
		w.Header()[""] = []string{"dropped"}
		w.Header()["x-lower"] = []string{"kept"}
	}},
	{"no type", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "body")
	}},
	{"no date", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		io.WriteString(w, "body")
	}},
	{"own date", fields("Date", "yesterday")},
	{"encoded", fields("Content-Encoding", "br")},
	{"encoded, empty", fields("Content-Encoding", "")},
	{"type empty", fields("Content-Type", "")},
	{"field after write", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Early", "1")
		io.WriteString(w, "body")
		w.Header().Set("X-Late", "1")
		w.Header().Set("X-Early", "2")
		w.Header().Del("Content-Type")
	}},
	{"field after WriteHeader", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("X-Early", "1")
		w.WriteHeader(201)
		h.Set("X-Late", "1")
		io.WriteString(w, "body")
	}},
	{"field first after write", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.Header().Set("X-Late", "1")
	}},
	{"WriteHeader twice", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(202)
	}},
	{"WriteHeader after write", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "body")
		w.WriteHeader(500)
	}},
	{"early hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.Header().Set("Content-Length", "4")
		w.WriteHeader(103)
		w.Header().Add("Link", "</script.js>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, "body")
	}},
	{"100 by hand", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(100)
		io.Copy(w, r.Body)
	}},
	{"102", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(102)
		dump(w, r)
	}},
	{"bad code", func(w http.ResponseWriter, _ *http.Request) {
		defer func() { io.WriteString(w, fmt.Sprint(recover())) }()
		w.WriteHeader(0)
	}},
	{"panic", func(http.ResponseWriter, *http.Request) { panic("a reason") }},
	{"panic after write", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "lost")
		panic(fmt.Errorf("a reason"))
	}},
	{"panic after flush", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "sent")
		w.(http.Flusher).Flush()
		io.WriteString(w, "lost")
		panic("a reason")
	}},
	{"abort", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "sent")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}},
	{"echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }},
	{"echo whole", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		must(err == nil)
		w.Write(body)
	}},
	{"full duplex echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		io.Copy(w, r.Body)
	}},
	{"read one byte", func(w http.ResponseWriter, r *http.Request) {
		var b [1]byte
		n, _ := r.Body.Read(b[:])
		fmt.Fprintf(w, "%d %q", n, b[:n])
	}},
	{"read after write", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, err := r.Body.Read(make([]byte, 10))
		fmt.Fprint(w, err)
	}},
	{"close body", func(w http.ResponseWriter, r *http.Request) {
		must(r.Body.Close() == nil)
		_, err := r.Body.Read(make([]byte, 10))
		fmt.Fprint(w, r.Body == http.NoBody, err)
	}},
	{"at most 3", limited(3)},
	{"at most 5", limited(5)},
	{"at most 50000", limited(50000)},
	{"MaxBytesHandler", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}), 4).ServeHTTP},
	{"form", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		fmt.Fprint(w, r.Form, r.PostForm, err)
	}},
	{"hijack", func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		must(err == nil)
		defer c.Close()
		_, err = w.Write([]byte("x"))
		must(err == http.ErrHijacked)
		fmt.Fprintf(rw, "raw answer to %s", r.URL.Path)
		rw.Flush()
		if r.ContentLength == 0 {
			rest, _ := io.ReadAll(io.LimitReader(rw, int64(len(lastRequest))))
			fmt.Fprintf(c, " then %q", rest)
		}
	}},
	{"hijack after WriteHeader", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "other")
		w.WriteHeader(101)
		c, _, err := w.(http.Hijacker).Hijack()
		must(err == nil)
		io.WriteString(c, "raw")
		c.Close()
	}},
	{"deadlines", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		must(rc.SetReadDeadline(time.Now().Add(time.Hour)) == nil)
		must(rc.SetWriteDeadline(time.Now().Add(time.Hour)) == nil)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}},
	{"timeout handler", http.TimeoutHandler(http.HandlerFunc(dump), time.Hour, "late").ServeHTTP},
	{"mux", func() http.HandlerFunc {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /a", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a ", r.Pattern) })
		mux.HandleFunc("GET /{x}/{y...}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("y")) })
		mux.HandleFunc("POST /", dump)
		return mux.ServeHTTP
	}()},
}

func must(ok bool) {
	if !ok {
		panic("the handler found something else than it must")
	}
}

func status(code int, h http.Header) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range h {
			w.Header()[k] = v
		}
		w.WriteHeader(code)
	}
}

func length(cl, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", cl)
		io.WriteString(w, body)
	}
}

func fields(name, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(name, value)
		io.WriteString(w, "body")
	}
}

func coded(coding, cl string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Transfer-Encoding", coding)
		if cl != "" {
			w.Header().Set("Content-Length", cl)
		}
		io.WriteString(w, "body")
	}
}

func limited(n int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, n)
		body, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(body), err)
	}
}

// dump writes what the handler can know of the request.
func dump(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%q %q %q %d.%d host %q length %d coding %q close %v tls %v\n", r.Method, r.RequestURI, r.Proto,
		r.ProtoMajor, r.ProtoMinor, r.Host, r.ContentLength, r.TransferEncoding, r.Close, r.TLS)
	fmt.Fprintf(&b, "url %#v\n", *r.URL)
	fmt.Fprintf(&b, "fields %q\n", r.Header)
	fmt.Fprintf(&b, "body %d bytes %.20q %v none %v trailer %q\n", len(body), body, err, r.Body == http.NoBody, r.Trailer)
	var names []string
	for name := range r.Header {
		names = append(names, name)
		r.Header[name] = append(r.Header[name], "appended") // must not show in another field
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "names %q fields %q\n", names, r.Header)
	fmt.Fprintf(&b, "context %v remote %v\n", r.Context().Err(), r.RemoteAddr != "")
	w.Write(b.Bytes())
}
