package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/httpparse"
)

// understood is one request as a reader of a connection understands it.
type understood struct {
	method, target, host string
	header, trailer      http.Header
	body                 string
	broken               bool // the body has no end, or breaks a rule
}

func (u *understood) String() string {
	if u == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s %q for %q, %q, body %q (broken %v), %q", u.method, u.target, u.host, u.header, u.body, u.broken, u.trailer)
}

// A connection's bytes have three readers here: httpparse alone, the engine with it, and net/http's server.

// walk reads in with package httpparse. It returns the requests, and where each begins, the one that is refused or
// incomplete at the end included; and the refusal, nil if there is none.
func walk(in []byte) (requests []*understood, starts []int, err error) {
	b, stray := in, false
	var r httpparse.Request
	var c httpparse.Chunked
	for {
		starts = append(starts, len(in)-len(b))
		if stray && bytes.HasPrefix(b, []byte("\r\n")) {
			b = b[2:]
		}
		n, err := r.Parse(b)
		if err == httpparse.ErrNeedMore {
			return requests, starts, nil
		}
		if err != nil {
			return requests, starts, err
		}
		if r.ExpectOther {
			return requests, starts, nil // 417, which is not the engine's to say
		}
		u := headOf(&r, b)
		if b = b[n:]; r.Body == httpparse.LengthBody {
			n := min(int64(len(b)), r.ContentLength)
			u.body, u.broken = string(b[:n]), n < r.ContentLength
			b = b[n:]
		}
		if r.Body == httpparse.ChunkedBody {
			c.Reset()
			for err == nil {
				var data []byte
				data, n, err = c.Next(b)
				u.body += string(data)
				if err == httpparse.Done {
					u.trailer = fieldsOf(c.Trailer, b)
				}
				b = b[n:]
			}
			u.broken = err != httpparse.Done
		}
		stray = r.Body != httpparse.NoBody
		requests = append(requests, u)
		if u.broken {
			if err == httpparse.ErrNeedMore || err == httpparse.Done {
				err = nil
			}
			return requests, starts, err
		}
		if !r.KeepAlive || r.Preface {
			return requests, starts, nil
		}
	}
}

func headOf(r *httpparse.Request, b []byte) *understood {
	return &understood{
		method: string(r.Method.In(b)), target: string(r.Target.In(b)), host: string(r.Host.In(b)),
		header: fieldsOf(r.Fields, b),
	}
}

func fieldsOf(fields []httpparse.Field, b []byte) http.Header {
	h := http.Header{}
	for _, f := range fields {
		h.Add(string(f.Name.In(b)), string(f.Value.In(b)))
	}
	return h
}

// byEngine reads in with a whole server, which gets it in pieces.
func byEngine(in []byte, cuts []byte) (requests []*understood) {
	s := &engine.Server{Transport: "portable", Handler: handlerFunc(func(x *engine.Exchange) {
		if x.Head().ExpectOther {
			x.SetClose(false)
			return
		}
		u := headOf(x.Head(), x.HeadBytes())
		body, err := io.ReadAll(readerFunc(x.ReadBody))
		u.body, u.broken = string(body), err != nil
		if fields, b := x.Trailers(); x.Head().Body == httpparse.ChunkedBody && err == nil {
			u.trailer = fieldsOf(fields, b)
		}
		requests = append(requests, u)
		x.SetOut(append(x.Out(), "HTTP/1.1 204 No Content\r\n\r\n"...))
		if x.Head().Preface {
			x.SetClose(false)
		}
	})}
	serve(newScript(in, cuts), s.Serve)
	return requests
}

// byNetHTTP is byEngine with net/http.
func byNetHTTP(in []byte, cuts []byte) (requests []*understood) {
	s := &http.Server{
		DisableGeneralOptionsHandler: true, // or it would answer OPTIONS * before the handler
		ErrorLog:                     log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			u := &understood{method: r.Method, target: r.RequestURI, host: r.Host, header: r.Header.Clone()}
			body, err := io.ReadAll(r.Body)
			u.body, u.broken, u.trailer = string(body), err != nil, r.Trailer
			requests = append(requests, u)
		}),
	}
	serve(newScript(in, cuts), s.Serve)
	return requests
}

type handlerFunc func(x *engine.Exchange)

func (h handlerFunc) ServeExchange(x *engine.Exchange) { h(x) }

type readerFunc func(p []byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

// stricter names the rules by which the engine refuses what net/http takes; package httpparse's documentation has the
// reasons. A rule that is not here must be net/http's, too.
var stricter = []*httpparse.Error{
	httpparse.ErrBareLF, httpparse.ErrObsFold, httpparse.ErrEmptyLine, httpparse.ErrHeadSize, httpparse.ErrFieldCount,
	httpparse.ErrTargetFragment, httpparse.ErrTargetForm, httpparse.ErrTargetAuthority, httpparse.ErrTargetUserinfo,
	httpparse.ErrVersion, httpparse.ErrLengthAndCoding, httpparse.ErrLengthRepeated, httpparse.ErrCodingHTTP10,
	httpparse.ErrChunkSize, httpparse.ErrChunkExt, httpparse.ErrChunkExtSize, httpparse.ErrTrailerForbidden,
	httpparse.ErrTrailerSize,
}

// inTrailers are the rules that net/http keeps in heads alone.
var inTrailers = []*httpparse.Error{httpparse.ErrFieldName, httpparse.ErrFieldNameSpace, httpparse.ErrFieldNameEmpty, httpparse.ErrFieldValue}

// compare lets all three read the same connection.
func compare(in, cuts []byte) error {
	alone, starts, refused := walk(in)
	ours, theirs := byEngine(in, cuts), byNetHTTP(in, cuts)
	if len(alone) != len(ours) {
		return fmt.Errorf("httpparse sees %d requests, the engine %d", len(alone), len(ours))
	}
	for i, u := range ours {
		if a, b := alone[i].String(), u.String(); a != b {
			return fmt.Errorf("request %d: httpparse: %s\nengine: %s", i, a, b)
		}
		if i >= len(theirs) {
			if laxer(in[starts[i]:], u) {
				return nil
			}
			return fmt.Errorf("request %d: %s\nnet/http does not accept it", i, u)
		}
		if u.method == "PRI" {
			return nil // the preface of another protocol
		}
		last := i == len(ours)-1
		if u.broken && last && !theirs[i].broken && (intended(refused, in[starts[i]:]) || slices.ContainsFunc(inTrailers, func(e *httpparse.Error) bool { return refused == e })) {
			return nil
		}
		if err := same(u, theirs[i]); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	if n := len(ours); n > 0 && refused == nil && strings.ContainsAny(ours[n-1].header.Get("Connection"), " \t") {
		return nil // net/http also divides this list at white space, and keeps the connection
	}
	if len(theirs) > len(ours) && refused == nil {
		// net/http reads the first of several Expect lines alone (RFC 9110, section 5.3), and divides it at white space, too.
		if e := theirs[len(ours)].header["Expect"]; len(e) > 1 || len(e) == 1 && !strings.EqualFold(e[0], "100-continue") {
			return nil
		}
	}
	if len(theirs) > len(ours) && (len(starts) == len(ours) || !intended(refused, in[starts[len(ours)]:])) {
		return fmt.Errorf("net/http also accepts %s\nwhich is refused: %v", theirs[len(ours)], refused)
	}
	return nil
}

// laxer reports whether a request that begins with b is one of those that only the engine accepts: with an empty line
// before it (RFC 9112, section 2.2), where net/http skips it only behind a POST; an IPv6 address with bad groups; and an
// Expect that expects nothing (RFC 9110, section 5.6.1.2).
func laxer(b []byte, u *understood) bool {
	return bytes.HasPrefix(b, []byte("\r\n")) || strings.Contains(u.target, "[") || strings.Contains(u.header.Get("Expect"), ",")
}

// intended reports whether the request that begins with b is refused by a rule that net/http does not have. The other
// rules count where net/http does not look.
func intended(refused error, b []byte) bool {
	e, ok := errors.AsType[*httpparse.Error](refused)
	line, _, _ := bytes.Cut(bytes.TrimLeft(b, "\r\n"), []byte("\r\n"))
	_, target, _ := bytes.Cut(line, []byte(" "))
	_, rest, absolute := bytes.Cut(target, []byte(":"))
	switch {
	case !ok:
		return false
	case slices.Contains(stricter, e), bytes.HasPrefix(line, []byte("CONNECT ")):
		return true
	case bytes.Contains(b, []byte("\n ")), bytes.Contains(b, []byte("\n\t")): // a fold is found after what it continues
		return true
	case e == httpparse.ErrBareCR: // before the request line, where net/http skips CR and LF behind the body of a POST
		return bytes.HasPrefix(bytes.TrimPrefix(b, []byte("\r\n")), []byte("\r"))
	case e == httpparse.ErrTargetEscape: // in a URI that is not hierarchical
		return absolute && !bytes.HasPrefix(rest, []byte("/"))
	}
	return false
}

// same compares two readings of a request, but for what net/http adds, removes and decodes.
func same(u, v *understood) error {
	differ := func(what string, a, b any) error {
		return fmt.Errorf("%s is %q, in net/http %q", what, a, b)
	}
	chunked := u.header.Get("Transfer-Encoding") != ""
	u.header.Del("Host")
	u.header.Del("Transfer-Encoding")
	if chunked {
		u.header.Del("Trailer")
	}
	if u.header.Get("Pragma") == "no-cache" {
		u.header.Del("Cache-Control")
		v.header.Del("Cache-Control")
	}
	for _, h := range []http.Header{v.header, v.trailer} {
		for _, values := range h {
			for i := range values {
				values[i] = strings.TrimRight(values[i], " \t") // a tab before a space at the end stays there
			}
		}
	}
	maps.DeleteFunc(v.trailer, func(_ string, values []string) bool { return len(values) == 0 }) // announced only
	switch {
	case u.method != v.method:
		return differ("method", u.method, v.method)
	case u.target != v.target:
		return differ("target", u.target, v.target)
	case u.host != v.host && !strings.Contains(u.host, "%"):
		return differ("host", u.host, v.host)
	case !maps.EqualFunc(u.header, v.header, slices.Equal):
		return differ("header", u.header, v.header)
	case u.broken != v.broken:
		return differ("brokenness", fmt.Sprint(u.broken), fmt.Sprint(v.broken))
	case u.broken:
		return nil
	case u.body != v.body:
		return differ("body", u.body, v.body)
	case !maps.EqualFunc(u.trailer, v.trailer, slices.Equal):
		return differ("trailer", u.trailer, v.trailer)
	}
	return nil
}

// script is a connection that brings what is written in it and takes all that is sent. It is also the listener that has
// only this connection.
type script struct {
	in     []byte
	cuts   []byte // sizes of reads, less one; whatever comes when they are used up
	closed chan struct{}
	once   sync.Once
	stop   chan struct{}
	given  bool
}

func newScript(in, cuts []byte) *script {
	return &script{in: in, cuts: cuts, closed: make(chan struct{}), stop: make(chan struct{})}
}

// serve serves the script to its end.
func serve(s *script, with func(net.Listener) error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		with(scriptListener{s})
	}()
	<-s.closed
	synctest.Wait()
	close(s.stop)
	<-done
}

func (s *script) Read(p []byte) (int, error) {
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(s.in))
	if len(s.cuts) > 0 {
		n = min(n, int(s.cuts[0])+1)
		s.cuts = s.cuts[1:]
	}
	copy(p, s.in[:n])
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) { return len(p), nil }

func (s *script) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 20000} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

type scriptListener struct{ s *script }

func (l scriptListener) Accept() (net.Conn, error) {
	if !l.s.given {
		l.s.given = true
		return l.s, nil
	}
	<-l.s.stop
	return nil, net.ErrClosed
}

func (l scriptListener) Close() error   { return nil }
func (l scriptListener) Addr() net.Addr { return l.s.LocalAddr() }

const host = "Host: a\r\n"

// connections are the seeds, with where each comes from.
var connections = []string{
	// RFC 9112, section 2.1: the first example of a request.
	"GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\n",
	// RFC 9112, section 3.2: the four forms of a target.
	"GET /where?q=now HTTP/1.1\r\n" + host + "\r\nGET http://b/pub HTTP/1.1\r\n" + host + "\r\nOPTIONS * HTTP/1.1\r\n" + host + "\r\nCONNECT b:80 HTTP/1.1\r\n" + host + "\r\n",
	// RFC 9112, section 7.1: chunks, an extension, a trailer section, and a request behind them.
	"PUT /c HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4;a=b\r\nwiki\r\n5\r\npedia\r\n0\r\nX: y\r\n\r\nGET /next HTTP/1.1\r\n" + host + "\r\n",
	// RFC 9112, section 2.2: an empty line behind a body.
	"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc\r\nGET /n HTTP/1.1\r\n" + host + "\r\n",
	// RFC 9112, section 9.3: who closes.
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3 HTTP/1.1\r\n" + host + "\r\n",
	// RFC 9110, section 10.1.1: an expectation.
	"POST / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhiGET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
	// RFC 9110, section 10.1.1: an expectation that nobody knows: 417.
	"GET / HTTP/1.1\r\n" + host + "Expect: more\r\n\r\n",
	// RFC 9112, section 5.2: a folded line.
	"GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n",
	// RFC 3986, section 1.1.2: a URI that is not hierarchical.
	"GET urn:oasis:names HTTP/1.1\r\n" + host + "\r\n",
	// The same, with a % that encodes nothing.
	"GET urn:% HTTP/1.1\r\n" + host + "\r\n",
	// RFC 9113, section 3.4: the preface of HTTP/2.
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	// Request smuggling, CL.TE (RFC 9112, section 11.2).
	"POST / HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + host + "\r\n",
	// Request smuggling, TE.TE: a coding that one reader overlooks.
	"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + host + "\r\n",
	// CVE-2025-22871: a bare LF at the end of a chunk-size line.
	"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + host + "\r\n",
	// A chunk whose data is longer than its size says: the two bytes behind it are no CRLF.
	"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n2\r\nhixx0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + host + "\r\n",
	// A field name with a space before its colon (RFC 9112, section 5.1).
	"POST / HTTP/1.1\r\n" + host + "Content-Length : 5\r\n\r\nhelloGET / HTTP/1.1\r\n" + host + "\r\n",
	// A CR alone behind the body of a POST, which net/http skips.
	"POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc\rGET /n HTTP/1.1\r\n" + host + "\r\n",
	// A body without its end.
	"POST / HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\nabc",
}

// FuzzRequests: the engine understands of a connection what net/http understands, or refuses it by a rule that is known
// to be stricter.
func FuzzRequests(f *testing.F) {
	for i, s := range connections {
		f.Add([]byte(s), []byte{byte(i), 0, 3})
	}
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		synctest.Test(t, func(t *testing.T) {
			if err := compare(in, cuts); err != nil {
				t.Fatalf("%q cut by %v: %v", in, cuts, err)
			}
		})
	})
}

// TestRequestsAreCompared: a difference would be seen.
func TestRequestsAreCompared(t *testing.T) {
	all, _, err := walk([]byte(connections[2]))
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	synctest.Test(t, func(t *testing.T) {
		theirs := byNetHTTP([]byte(connections[2]), nil)
		if err := same(all[0], theirs[0]); err != nil {
			t.Fatal(err)
		}
		theirs[0].trailer[textproto.CanonicalMIMEHeaderKey("x")] = []string{"z"}
		if same(all[0], theirs[0]) == nil || same(all[1], theirs[0]) == nil {
			t.Fatal("differences are not seen")
		}
	})
}
