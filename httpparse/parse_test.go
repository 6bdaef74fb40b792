package httpparse

import (
	"fmt"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A head that must be refused, and the rule it breaks. {} stands for "HTTP/1.1\r\nHost: a\r\n".
var badHeads = []struct {
	rfc, raw string
	want     *Error
}{
	{"9112 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n", ErrBareLF},
	{"9112 2.2", "\nGET / {}\r\n", ErrBareLF},
	{"9112 2.2", "GET / HTTP/1.1X\nHost: a\r\n\r\n", ErrBareLF},
	{"9112 2.2", "GET / {}X: b\nContent-Length: 0\r\n\r\n", ErrBareLF},
	{"9112 2.2", "GET / {}X: b\r\n\n", ErrBareLF},
	{"9112 2.2", "GET / HTTP/1.1\rHost: a\r\n\r\n", ErrBareCR},
	{"9112 2.2", "GET / HTTP/\r\r1.1\r\nHost: a\r\n\r\n", ErrBareCR},
	{"9112 2.2", "GET / {}X: b\rTransfer-Encoding: chunked\r\n\r\n", ErrBareCR},
	{"9112 2.1", "GET / {}\rX: b\r\n\r\n", ErrBareCR},
	{"9112 2.1", "GET / {}X: b\r\r\n\r\n", ErrBareCR},
	{"9112 2.1", "GET / {}\r\r\n", ErrBareCR},
	{"9112 2.2", "\r\n\r\nGET / {}\r\n", ErrEmptyLine},
	{"9112 2.2", "GET / HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n", ErrIndented},
	{"9112 2.2", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", ErrIndented},
	{"9112 5.2", "GET / {}X: a\r\n b\r\n\r\n", ErrObsFold},
	{"9112 5.2", "GET / {}X: a\r\n\tContent-Length: 5\r\n\r\n", ErrObsFold},
	{"9112 5.2", "GET / {}X:\r\n \r\n\r\n", ErrObsFold},

	{"9112 3.1", " GET / {}\r\n", ErrMethod},
	{"9112 3.1", "\tGET / {}\r\n", ErrMethod},
	{"9112 3.1", "G@T / {}\r\n", ErrMethod},
	{"9112 3.1", "GET\t/\tHTTP/1.1\r\n\r\n", ErrMethod},
	{"9112 3.1", "GE\x00T / {}\r\n", ErrMethod},
	{"9112 3.1", "\xef\xbb\xbfGET / {}\r\n", ErrMethod},
	{"9112 3", "GET\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"9112 3", "GET \r\nHost: a\r\n\r\n", ErrRequestLine},
	{"9112 3", "GET /\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"9112 3", "GET HTTP/1.1\r\nHost: a\r\n\r\n", ErrRequestLine},
	{"9112 3", "GET  / {}\r\n", ErrRequestSpace},
	{"9112 3", "GET  {}\r\n", ErrRequestSpace},
	{"9112 3", "GET /  {}\r\n", ErrRequestSpace},
	{"9112 3", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ErrRequestSpace},
	{"9112 3", "GET /a b {}\r\n", ErrRequestSpace},
	{"9112 3.2", "GET /a\tb {}\r\n", ErrTargetByte},
	{"9112 3.2", "GET /a\x00b {}\r\n", ErrTargetByte},
	{"9112 3.2", "GET /a\x7fb {}\r\n", ErrTargetByte},
	{"9112 3.2", "GET /?\x0b {}\r\n", ErrTargetByte},
	{"9112 3.2", "GET /a#b {}\r\n", ErrTargetFragment},
	{"9112 3.2", "GET /?a#b {}\r\n", ErrTargetFragment},
	{"3986 2.1", "GET /%zz {}\r\n", ErrTargetEscape},
	{"3986 2.1", "GET /%4 {}\r\n", ErrTargetEscape},
	{"3986 2.1", "GET /% {}\r\n", ErrTargetEscape},
	{"3986 2.1", "GET http://a%4g/ {}\r\n", ErrTargetEscape},
	{"9112 3.2", "GET a/b {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET ../a {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET a.test:80 {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET http:/a {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET ://a/ {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET 1a://b/ {}\r\n", ErrTargetForm},
	{"9112 3.2", "GET ?a {}\r\n", ErrTargetForm},
	{"9110 4.2.1", "GET http:///x {}\r\n", ErrTargetAuthority},
	{"9110 4.2.1", "GET http://:80/x {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://a:x/ {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://a:1:2/ {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://a:65536/ {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://a:99999999999999999999/ {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://a<b/ {}\r\n", ErrTargetAuthority},
	{"9112 3.2.2", "GET http://\xe9/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://a%2fb/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://[::1/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://[]/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://[::g]/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://[::1]x/ {}\r\n", ErrTargetAuthority},
	{"3986 3.2.2", "GET http://a[::1]/ {}\r\n", ErrTargetAuthority},
	{"9110 9.3.6", "CONNECT a {}\r\n", ErrTargetAuthority},
	{"9110 9.3.6", "CONNECT a: {}\r\n", ErrTargetAuthority},
	{"9110 9.3.6", "CONNECT a:0 {}\r\n", ErrTargetAuthority},
	{"9110 9.3.6", "CONNECT a:443/x {}\r\n", ErrTargetAuthority},
	{"9110 9.3.6", "CONNECT http://a:443 {}\r\n", ErrTargetAuthority},
	{"9110 4.2.4", "GET http://u:p@a/ {}\r\n", ErrTargetUserinfo},
	{"9110 4.2.4", "CONNECT u@a:443 {}\r\n", ErrTargetUserinfo},
	{"9112 2.3", "GET / HTTP/1\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / http/1.1\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / HTTP/4294967295.255\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9112 2.3", "GET / \r\nHost: a\r\n\r\n", ErrVersionSyntax},
	{"9110 15.6.6", "GET / HTTP/0.9\r\n\r\n", ErrVersion},
	{"9110 15.6.6", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", ErrVersion},
	{"9110 15.6.6", "GET / HTTP/2.0\r\n\r\n", ErrVersion},
	{"9110 15.6.6", "PRI / HTTP/2.0\r\n\r\n", ErrVersion},
	{"9110 15.6.6", "PRI * HTTP/2.0\r\nHost: a\r\n\r\n", ErrVersion},
	{"9110 15.6.6", "GET / HTTP/3.0\r\n\r\n", ErrVersion},

	{"9112 5", "GET / {}garbage\r\n\r\n", ErrFieldColon},
	{"9112 5", "GET / {}X-A b\r\n\r\n", ErrFieldColon},
	{"9110 5.1", "GET / {}: b\r\n\r\n", ErrFieldNameEmpty},
	{"9112 5.1", "POST / {}Content-Length : 5\r\n\r\n", ErrFieldNameSpace},
	{"9112 5.1", "POST / {}Transfer-Encoding\t: chunked\r\n\r\n", ErrFieldNameSpace},
	{"9110 5.1", "GET / {}A B: c\r\n\r\n", ErrFieldName},
	{"9110 5.1", "GET / {}A\x00: c\r\n\r\n", ErrFieldName},
	{"9110 5.1", "GET / {}A\xa0: c\r\n\r\n", ErrFieldName},
	{"9110 5.1", "GET / {}\x0bTransfer-Encoding: chunked\r\n\r\n", ErrFieldName},
	{"9110 5.1", "GET / {}Transfer\\Encoding: chunked\r\n\r\n", ErrFieldName},
	{"9110 5.5", "GET / {}X: a\x00b\r\n\r\n", ErrFieldValue},
	{"9110 5.5", "GET / {}X: \x0bb\r\n\r\n", ErrFieldValue},
	{"9110 5.5", "GET / {}X: b\x7f\r\n\r\n", ErrFieldValue},

	{"9112 3.2", "GET / HTTP/1.1\r\n\r\n", ErrHostMissing},
	{"9112 3.2", "OPTIONS * HTTP/1.1\r\nX-Host: a\r\n\r\n", ErrHostMissing},
	{"9112 3.2", "GET http://a/ HTTP/1.1\r\n\r\n", ErrHostMissing},
	{"9112 3.2", "GET / {}Host: a\r\n\r\n", ErrHostRepeated},
	{"9112 3.2", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", ErrHostRepeated},
	{"9112 3.2", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ErrHost},
	{"9112 3.2", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", ErrHost},
	{"9112 3.2", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", ErrHost},
	{"9112 3.2", "GET / HTTP/1.0\r\nHost: \xff\r\n\r\n", ErrHost},
	{"9112 6.3", "POST / {}Content-Length: +5\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: -0\r\n\r\n", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: 0x5\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: 5_0\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: 5 0\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: 5, 5\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: 5\xa0\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length:\r\n\r\nhello", ErrLength},
	{"9112 6.3", "POST / {}Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n", ErrLength},
	{"9110 8.6", "POST / {}Content-Length: 9223372036854775808\r\n\r\n", ErrLengthOverflow},
	{"9110 8.6", "POST / {}Content-Length: 18446744073709551621\r\n\r\n", ErrLengthOverflow},
	{"9110 8.6", "POST / {}Content-Length: 99999999999999999999999999\r\n\r\n", ErrLengthOverflow},
	{"9112 6.3", "POST / {}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", ErrLengthRepeated},
	{"9112 6.3", "POST / {}Content-Length: 5\r\nCONTENT-LENGTH: 5\r\n\r\nhello", ErrLengthRepeated},
	{"9112 6.1", "POST / {}Transfer-Encoding: gzip, chunked\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: identity\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: ,chunked\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: chunked, chunked\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: xchunked\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: chunked\x85\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding: \"chunked\"\r\n\r\n", ErrCoding},
	{"9112 6.1", "POST / {}Transfer-Encoding:\r\n\r\n", ErrCoding},
	{"9112 6.3", "POST / {}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCodingRepeated},
	{"9112 6.3", "POST / {}Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n", ErrCodingRepeated},
	{"9112 6.1", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCodingHTTP10},
	{"9112 6.3", "POST / {}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", ErrLengthAndCoding},
	{"9112 6.3", "POST / {}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", ErrLengthAndCoding},
	{"9110 6.5.1", "POST / {}Trailer: X, content-length\r\nTransfer-Encoding: chunked\r\n\r\n", ErrTrailerAnnounce},
	{"9110 6.5.1", "POST / {}Transfer-Encoding: chunked\r\nTrailer: Trailer\r\n\r\n", ErrTrailerAnnounce},
}

func expand(raw string) string { return strings.ReplaceAll(raw, "{}", "HTTP/1.1\r\nHost: a\r\n") }

func TestRefused(t *testing.T) {
	for _, c := range badHeads {
		var r Request
		n, err := r.Parse([]byte(expand(c.raw)))
		require.Same(t, c.want, err, "%q (RFC %s)", c.raw, c.rfc)
		require.Zero(t, n)
	}
}

// A head that must be accepted, and what must have been understood (see describe).
var goodHeads = []struct{ rfc, raw, want string }{
	{"9112 3", "GET / {}\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a"},
	{"9112 2.2", "\r\nGET / {}\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a"},
	{"9112 3.2.1", "GET /a/b?c=d&e?f HTTP/1.0\r\n\r\n", "GET /a/b?c=d&e?f 1.0 origin host= path=/a/b query=c=d&e?f"},
	{"9112 3.2.1", "GET /? {}\r\n", "GET /? 1.1 origin host=a path=/ query= keep | Host=a"},
	{"9112 3.2.1", "GET //a@b:c/%00?%zz {}\r\n", "GET //a@b:c/%00?%zz 1.1 origin host=a path=//a@b:c/%00 query=%zz keep | Host=a"},
	{"net/http", "GET /\xc3\xa9\\\"<>^`{|} {}\r\n", "GET /\xc3\xa9\\\"<>^`{|} 1.1 origin host=a path=/\xc3\xa9\\\"<>^`{|} keep | Host=a"},
	{"9110 9.1", "get / {}\r\n", "get / 1.1 origin host=a path=/ keep | Host=a"},
	{"9110 5.6.2", "!#$%&'*+-.^_`|~09 / {}\r\n", "!#$%&'*+-.^_`|~09 / 1.1 origin host=a path=/ keep | Host=a"},
	{"9112 3.2.2", "GET http://b.test:80/x?y {}\r\n", "GET http://b.test:80/x?y 1.1 absolute scheme=http host=b.test:80 path=/x query=y keep | Host=a"},
	{"9112 3.2.2", "OPTIONS HtTp://b?y HTTP/1.0\r\n\r\n", "OPTIONS HtTp://b?y 1.0 absolute scheme=HtTp host=b path= query=y"},
	{"9112 3.2.2", "GET coap+tcp://[fe80::1%25en0]: {}\r\n", "GET coap+tcp://[fe80::1%25en0]: 1.1 absolute scheme=coap+tcp host=[fe80::1%25en0]: path= keep | Host=a"},
	{"3986 3.2.2", "GET http://caf%C3%A9/ {}\r\n", "GET http://caf%C3%A9/ 1.1 absolute scheme=http host=caf%C3%A9 path=/ keep | Host=a"},
	{"9112 3.2.3", "CONNECT b:443 HTTP/1.1\r\n\r\n", "CONNECT b:443 1.1 authority host=b:443 path= keep"},
	{"9112 3.2.3", "CONNECT [::1]:443 {}\r\n", "CONNECT [::1]:443 1.1 authority host=[::1]:443 path= keep | Host=a"},
	{"net/rpc", "CONNECT /_goRPC_ HTTP/1.0\r\n\r\n", "CONNECT /_goRPC_ 1.0 origin host= path=/_goRPC_"},
	{"9112 3.2.4", "GET * {}\r\n", "GET * 1.1 asterisk host=a path=* keep | Host=a"},
	{"9112 3.2.4", "OPTIONS * {}\r\n", "OPTIONS * 1.1 asterisk host=a path=* keep | Host=a"},
	{"9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * 1.0 asterisk host= path=* close preface"},

	{"net/http", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 origin host= path=/ keep | Host="},
	{"net/http", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "GET / 1.1 origin host=::1 path=/ keep | Host=::1"},
	{"9112 3.2", "GET / HTTP/1.1\r\nhOST: [::1%25en0]:80\r\n\r\n", "GET / 1.1 origin host=[::1%25en0]:80 path=/ keep | hOST=[::1%25en0]:80"},
	{"9112 5.1", "GET / {}X: \t b c\t d \t\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a X=b c\t d"},
	{"9112 5.1", "GET / {}X:b  \r\nY:  c\r\nZ: \r\nW:\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a X=b Y=c Z= W="},
	{"9110 5.5", "GET / {}X: \xe2\x82\xac :b\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a X=\xe2\x82\xac :b"},
	{"9110 5.1", "GET / {}Content_Length: 5\r\n!#$%&'*+-.^_`|~0aA: b\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a Content_Length=5 !#$%&'*+-.^_`|~0aA=b"},

	{"9112 6.2", "POST / {}Content-Length: 5\r\n\r\nhello", "POST / 1.1 origin host=a path=/ length=5 keep | Host=a Content-Length=5"},
	{"9112 6.2", "POST / {}Content-Length: 000\r\n\r\n", "POST / 1.1 origin host=a path=/ length0=0 keep | Host=a Content-Length=000"},
	{"9112 6.2", "GET / {}content-length: 9223372036854775807\r\n\r\n", "GET / 1.1 origin host=a path=/ length=9223372036854775807 keep | Host=a content-length=9223372036854775807"},
	{"9112 7.1", "POST / {}Transfer-Encoding: Chunked\r\n\r\n", "POST / 1.1 origin host=a path=/ chunked keep | Host=a Transfer-Encoding=Chunked"},
	{"9110 6.6.2", "POST / {}Trailer: Content-Length\r\n\r\n", "POST / 1.1 origin host=a path=/ keep | Host=a Trailer=Content-Length"},
	{"9112 9.3", "GET / {}Connection: CLOSE\r\n\r\n", "GET / 1.1 origin host=a path=/ close | Host=a Connection=CLOSE"},
	{"9112 9.3", "GET / {}Connection: foo,,\tbar\r\nConnection: , close ,x\r\n\r\n", "GET / 1.1 origin host=a path=/ close | Host=a Connection=foo,,\tbar Connection=, close ,x"},
	{"9112 9.3", "GET / {}Connection: closed\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a Connection=closed"},
	{"9112 9.3", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 origin host= path=/ keep | Connection=Keep-Alive"},
	{"9112 9.3", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "GET / 1.0 origin host= path=/ close | Connection=keep-alive, close"},
	{"9110 7.8", "GET / {}Connection: Upgrade\r\nUpgrade: foo/2\r\n\r\n", "GET / 1.1 origin host=a path=/ keep upgrade | Host=a Connection=Upgrade Upgrade=foo/2"},
	{"9110 7.8", "GET / {}Upgrade: foo/2\r\n\r\n", "GET / 1.1 origin host=a path=/ keep | Host=a Upgrade=foo/2"},
	{"9110 7.8", "GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n", "GET / 1.0 origin host= path=/ | Connection=Upgrade Upgrade=foo/2"},
	{"9110 10.1.1", "POST / {}Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n", "POST / 1.1 origin host=a path=/ length=5 keep 100 | Host=a Expect=100-Continue Content-Length=5"},
	{"9110 10.1.1", "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "POST / 1.0 origin host= path=/ | Expect=100-continue"},
	{"9110 10.1.1", "POST / {}Expect: 200-maybe\r\nExpect: 100-continue\r\n\r\n", "POST / 1.1 origin host=a path=/ keep 100 expect | Host=a Expect=200-maybe Expect=100-continue"},
}

// describe says in words all that Parse found.
func describe(r *Request, b []byte) string {
	var s strings.Builder
	form := [...]string{"origin", "absolute", "authority", "asterisk"}[r.Form]
	fmt.Fprintf(&s, "%s %s 1.%d %s", r.Method.In(b), r.Target.In(b), r.Minor, form)
	if r.Form == Absolute {
		fmt.Fprintf(&s, " scheme=%s", r.Scheme.In(b))
	}
	fmt.Fprintf(&s, " host=%s path=%s", r.Host.InString(string(b)), r.Path.In(b))
	if r.HasQuery {
		fmt.Fprintf(&s, " query=%s", r.Query.In(b))
	}
	switch {
	case r.Body == ChunkedBody:
		s.WriteString(" chunked")
	case r.Body == LengthBody:
		fmt.Fprintf(&s, " length=%d", r.ContentLength)
	case r.ContentLength != -1:
		fmt.Fprintf(&s, " length0=%d", r.ContentLength)
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{r.KeepAlive, "keep"}, {r.ConnClose, "close"}, {r.Upgrade, "upgrade"}, {r.Expect100, "100"}, {r.ExpectOther, "expect"}, {r.Preface, "preface"}} {
		if f.set {
			s.WriteString(" " + f.name)
		}
	}
	for i, f := range r.Fields {
		if i == 0 {
			s.WriteString(" |")
		}
		fmt.Fprintf(&s, " %s=%s", f.Name.In(b), f.Value.In(b))
	}
	return s.String()
}

func TestAccepted(t *testing.T) {
	for _, c := range goodHeads {
		var r Request
		raw := expand(c.raw)
		n, err := r.Parse([]byte(raw))
		require.NoError(t, err, "%q (RFC %s)", c.raw, c.rfc)
		require.Equal(t, c.want, describe(&r, []byte(raw)), "%q (RFC %s)", c.raw, c.rfc)
		require.Equal(t, strings.Index(raw[2:], "\r\n\r\n")+6, n, "%q", c.raw)
		for _, f := range r.Fields {
			name := f.Name.InString(raw)
			require.Equal(t, textproto.CanonicalMIMEHeaderKey(name) == name, f.Canonical, name)
			require.Equal(t, LookupField([]byte(name)), f.ID, name)
		}
	}
}

func TestBytes(t *testing.T) {
	const tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for c := range 256 {
		ch := string([]byte{byte(c)})
		isToken := strings.Contains(tokens, ch)
		isText := c == '\t' || c >= ' ' && c != 0x7f
		require.Equal(t, isToken, ValidName("a"+ch), "%q", ch)
		require.Equal(t, isText, ValidValue([]byte(ch)), "%q", ch)
		var r Request
		for _, at := range []struct {
			head string
			ok   bool
		}{
			{"A" + ch + "B / {}\r\n", isToken},
			{"GET /1234567" + ch + "89012345 {}\r\n", c > ' ' && c != 0x7f && ch != "#" || false},
			{"GET / {}A" + ch + "B: c\r\n\r\n", isToken || ch == ":"},
			{"GET / {}A: 1234567" + ch + "89012345\r\n\r\n", isText},
		} {
			_, err := r.Parse([]byte(expand(at.head)))
			if err == ErrRequestSpace && ch == " " {
				continue
			}
			require.Equal(t, at.ok, err == nil, "%q: %v", at.head, err)
		}
	}
	require.False(t, ValidName(""))
	require.True(t, ValidValue(""))
}

func TestLimits(t *testing.T) {
	head := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("v", 100) + "\r\n\r\n"
	for _, more := range []string{"", "GET / HTTP/1.1\r\n"} {
		r := Request{Limits: Limits{HeadBytesMax: len(head)}}
		n, err := r.Parse([]byte(head + more))
		require.NoError(t, err)
		require.Equal(t, len(head), n)
		r.Limits.HeadBytesMax--
		_, err = r.Parse([]byte(head + more))
		require.Same(t, ErrHeadSize, err, "the final CRLF counts")
		// An incomplete head is refused when no end could come in time.
		_, err = r.Parse([]byte(head[:len(head)-2]))
		require.Equal(t, ErrNeedMore, err)
		_, err = r.Parse([]byte(head[:len(head)-1]))
		require.Same(t, ErrHeadSize, err)
	}
	r := Request{Limits: Limits{HeadBytesMax: 20}}
	_, err := r.Parse([]byte("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
	require.Same(t, ErrHeadSize, err, "431 for the request line too, as net/http does")
	_, err = r.Parse([]byte("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n"))
	require.Same(t, ErrHeadSize, err)

	r = Request{}
	_, err = r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("v", 64<<10)))
	require.Same(t, ErrHeadSize, err, "64 KiB by default")
	many := func(n int) []byte {
		return []byte("GET / HTTP/1.0\r\n" + strings.Repeat("X: y\r\n", n) + "\r\n")
	}
	_, err = r.Parse(many(256))
	require.NoError(t, err)
	_, err = r.Parse(many(257))
	require.Same(t, ErrFieldCount, err)
	r.Limits.FieldsMax = -1
	_, err = r.Parse(many(10000))
	require.NoError(t, err)
	require.Len(t, r.Fields, 10000)
}

func TestEarlyRefusal(t *testing.T) {
	var r Request
	_, err := r.Parse([]byte("G@T / HTTP/1.1\r"))
	require.Equal(t, ErrNeedMore, err)
	_, err = r.Parse([]byte("G@T / HTTP/1.1\r\n"))
	require.Same(t, ErrMethod, err, "without waiting for the head's end")
	_, err = r.Parse([]byte("GET / HTTP/1.1\r\nA : b\r\n"))
	require.Same(t, ErrFieldNameSpace, err)
}

func TestReuse(t *testing.T) {
	var r Request
	all := []byte(expand("POST http://x/y?z {}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"))
	plain := []byte("GET / HTTP/1.0\r\n\r\n")
	for range 2 {
		_, err := r.Parse(all)
		require.NoError(t, err)
		_, err = r.Parse(plain)
		require.NoError(t, err)
		require.Equal(t, "GET / 1.0 origin host= path=/", describe(&r, plain))
		_, err = r.Parse(all[:60])
		require.Equal(t, ErrNeedMore, err)
		r.Reset()
		_, err = r.Parse(plain)
		require.NoError(t, err)
		require.Equal(t, "GET / 1.0 origin host= path=/", describe(&r, plain))
	}
}

func TestPipelined(t *testing.T) {
	b := []byte(strings.Repeat(wrkHead, 20))
	var r Request
	for range 20 {
		n, err := r.Parse(b)
		require.NoError(t, err)
		require.Equal(t, len(wrkHead), n)
		b = b[n:]
	}
	_, err := r.Parse(b)
	require.Equal(t, ErrNeedMore, err)
}

func TestFind(t *testing.T) {
	b := []byte(expand("GET / {}Accept: x\r\nx-a: 1\r\nX-A: 2\r\n\r\n"))
	var r Request
	_, err := r.Parse(b)
	require.NoError(t, err)
	v, ok := r.Find(b, FieldAccept)
	require.True(t, ok)
	require.Equal(t, "x", string(v))
	_, ok = r.Find(b, FieldCookie)
	require.False(t, ok)
	v, ok = r.FindName(b, "X-a")
	require.True(t, ok)
	require.Equal(t, "1", string(v))
	_, ok = r.FindName(b, "X-B")
	require.False(t, ok)
}

func TestFieldIDs(t *testing.T) {
	for id := FieldHost; id < fieldIDs; id++ {
		name := id.String()
		require.Equal(t, textproto.CanonicalMIMEHeaderKey(name), name)
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			require.Equal(t, id, LookupField([]byte(s)), s)
			got, canonical := identify([]byte(s))
			require.Equal(t, id, got)
			require.Equal(t, s == name, canonical, s)
		}
		require.Zero(t, LookupField([]byte(name+"x")))
		require.Zero(t, LookupField([]byte("\x00"+name[1:])))
	}
	require.Zero(t, LookupField(nil))
	require.Empty(t, FieldID(0).String())
	require.Empty(t, FieldID(255).String())
}

// Every rule has an input that breaks it, and tells the peer something.
func TestRules(t *testing.T) {
	seen := map[error]bool{ErrHeadSize: true, ErrFieldCount: true} // TestLimits
	for _, c := range badHeads {
		seen[c.want] = true
	}
	for _, c := range badBodies {
		seen[c.want] = true
	}
	names := map[string]bool{}
	for _, e := range Rules() {
		require.True(t, seen[e], "%s has no case", e.Rule)
		require.False(t, names[e.Rule], "%s twice", e.Rule)
		names[e.Rule] = true
		require.Contains(t, []int{400, 431, 501, 505}, e.Status)
		require.Regexp(t, `^\d{4}, section \d+(\.\d+)*$`, e.RFC)
		require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, e.Rule)
		require.Contains(t, e.Error(), e.Rule)
	}
	require.Greater(t, len(names), 40)
}

func TestNoAllocation(t *testing.T) {
	var r Request
	for _, head := range []string{wrkHead, browserHead, strings.ReplaceAll(browserHead, ": ", ":\t"), expand("CONNECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:443 {}Trailer: a, b\r\nConnection: a, b\r\n\r\n")} {
		b := []byte(head)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			r.Reset()
			for _, n := range []int{10, 30, len(b)} {
				if _, err := r.Parse(b[:min(n, len(b))]); err != nil && err != ErrNeedMore {
					panic(err)
				}
			}
		}))
	}
	for _, c := range badHeads {
		b := []byte(expand(c.raw))
		require.Zero(t, testing.AllocsPerRun(10, func() { r.Parse(b) }), "%q", c.raw)
	}
}
