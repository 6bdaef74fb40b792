package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// checkCase is one connection's worth of bytes from a server, and what the checker says about the responses in them.
type checkCase struct {
	name string
	in   string
	want Want
	says []string // a line for each response, as tell makes it
}

var wantHello = Want{status: 200, Body: []byte("hello")}

var checkCases = []checkCase{
	{"as wanted", hello, wantHello, []string{"ok"}},
	{"three, pipelined", hello + hello + hello, wantHello, []string{"ok", "ok", "ok"}},
	{"the second differs", hello + strings.Replace(hello, "hello", "hallo", 1) + hello, wantHello,
		[]string{"ok", "wrong body: body differs at byte 1", "ok"}},
	{"wrong status", strings.Replace(hello, "200 OK", "404 Not Found", 1), wantHello,
		[]string{"status 404: status 404 instead of 200"}},
	{"status without a reason", strings.Replace(hello, "200 OK", "200", 1), wantHello, []string{"ok"}},
	{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell", wantHello,
		[]string{"wrong body length: body of 4 bytes instead of 5"}},
	{"long body", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhello!!", wantHello,
		[]string{"wrong body length: body of 7 bytes instead of 5"}},
	{"no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", wantHello,
		[]string{"wrong body length: body of 0 bytes instead of 5"}},
	{"more bytes than the length says", hello + "!", wantHello, []string{"ok", "unfinished"}},
	{"any body", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwhat???", Want{status: 200, anyBody: true}, []string{"ok"}},
	{"field names in any case", "HTTP/1.1 200 OK\r\ncOnTeNt-LeNgTh:5\r\n\r\nhello", wantHello, []string{"ok"}},

	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", wantHello, []string{"ok"}},
	{"chunked with trailers, twice", strings.Repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n05 \r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", 2),
		wantHello, []string{"ok", "ok"}},
	{"chunked, long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhellohello\r\n0\r\n\r\n", wantHello,
		[]string{"wrong body length: body of 10 bytes instead of 5"}},
	{"chunked, differs late", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlp\r\n0\r\n\r\n", wantHello,
		[]string{"wrong body: body differs at byte 4"}},
	{"chunk size not a number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", wantHello,
		[]string{`malformed response: chunk size "xyz" lost`}},
	{"chunk longer than its size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n", wantHello,
		[]string{`malformed response: "o" behind a chunk lost`}},
	{"bare line feed in chunked framing", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", wantHello,
		[]string{`malformed response: line "5\n" in a chunked body lost`}},

	{"to the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello", wantHello, []string{"ok at the end"}},
	{"to the end, short", "HTTP/1.1 200 OK\r\n\r\nhell", wantHello, []string{"wrong body length: body of 4 bytes instead of 5 at the end"}},
	{"closes", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", wantHello, []string{"ok close"}},
	{"closes, among other options", "HTTP/1.1 200 OK\r\nConnection: keep-alive, Close ,x\r\nContent-Length: 5\r\n\r\nhello", wantHello, []string{"ok close"}},
	{"HTTP/1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", wantHello, []string{"ok close"}},
	{"HTTP/1.0 kept alive", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", wantHello, []string{"ok"}},
	{"closes, then does not", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello" + hello, wantHello,
		[]string{"ok close", "ok"}},

	{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Want{status: 200, head: true}, []string{"ok"}},
	{"204", "HTTP/1.1 204 No Content\r\n\r\n", Want{status: 204}, []string{"ok"}},
	{"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Want{status: 304}, []string{"ok"}},
	{"1xx first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + hello, wantHello, []string{"ok"}},
	{"101", "HTTP/1.1 101 Switching Protocols\r\n\r\n", wantHello, []string{"status 101: status 101 instead of 200 close lost"}},

	{"not HTTP", "SSH-2.0-OpenSSH_9\r\n\r\n", wantHello, []string{`malformed response: status line "SSH-2.0-OpenSSH_9" lost`}},
	{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", wantHello, []string{`malformed response: status line "HTTP/2.0 200 OK" lost`}},
	{"a version that is none", "HTTP/1.A 200\r\n\r\nhello", wantHello, []string{`malformed response: status line "HTTP/1.A 200" lost`}},
	{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", wantHello, []string{`malformed response: status line "HTTP/1.1 2000 OK" lost`}},
	{"status of letters", "HTTP/1.1 abc OK\r\n\r\n", wantHello, []string{`malformed response: status line "HTTP/1.1 abc OK" lost`}},
	{"no colon", "HTTP/1.1 200 OK\r\nContent-Length 5\r\n\r\nhello", wantHello, []string{`malformed response: header line "Content-Length 5" lost`}},
	{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", wantHello, []string{`malformed response: Content-Length "-5" lost`}},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", wantHello,
		[]string{`malformed response: Content-Length "6" lost`}},
	{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", wantHello, []string{"ok"}},
	{"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", wantHello,
		[]string{"malformed response: both Content-Length and Transfer-Encoding lost"}},
	{"space in a name", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", wantHello,
		[]string{`malformed response: header line "Content-Length : 5" lost`}},
	{"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", wantHello,
		[]string{`malformed response: Transfer-Encoding "chunked" close lost`}},
	{"trailer without a colon", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n0\r\n\r\n", wantHello,
		[]string{`malformed response: trailer line "0" lost`}},
	{"bare line feed in a status line", "HTTP/1.1 200 \n\r\n\r\nhello", wantHello,
		[]string{`malformed response: status line "HTTP/1.1 200 \n" lost`}},
	{"bare line feed in a field", "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5\r\n\r\nhello", wantHello,
		[]string{`malformed response: header line "A: b\nContent-Length: 5" lost`}},
	{"gzip transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", wantHello,
		[]string{`malformed response: Transfer-Encoding "gzip, chunked" lost`}},

	{"cut in the head", "HTTP/1.1 200 OK\r\nContent-", wantHello, []string{"unfinished"}},
	{"cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", wantHello, []string{"unfinished"}},
	{"cut in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", wantHello, []string{"unfinished"}},
	{"cut before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", wantHello, []string{"unfinished"}},
}

// tell feeds the pieces and says what came of them.
func tell(w Want, pieces ...string) (says []string) {
	k := checker{want: &w, memo: &memo{}}
	for _, p := range pieces {
		for in := []byte(p); len(in) > 0; {
			n, done := k.feed(in)
			if in = in[n:]; !done {
				break
			}
			says = append(says, k.say(""))
			if k.broken {
				return says
			}
		}
	}
	switch {
	case k.end():
		says = append(says, k.say(" at the end"))
	case !k.fresh():
		says = append(says, "unfinished")
	}
	return says
}

func (k *checker) say(when string) string {
	s := "ok"
	if k.result.kind != "" {
		s = fmt.Sprintf("%s: %s", k.result.kind, k.result.detail)
	}
	if when != "" {
		return s + when
	}
	if k.close {
		s += " close"
	}
	if k.broken {
		s += " lost"
	}
	return s
}

func TestChecker(t *testing.T) {
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.says, tell(c.want, c.in))
		})
	}
}

func TestCheckerRemembersOnlyWhatPassed(t *testing.T) {
	wrong := strings.Replace(hello, "hello", "hallo", 1)
	says := tell(wantHello, wrong, wrong, hello, hello, wrong)
	bad := "wrong body: body differs at byte 1"
	require.Equal(t, []string{bad, bad, "ok", "ok", bad}, says)
}

func TestCheckerBounds(t *testing.T) {
	long := "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", headBytesMax)
	says := tell(wantHello, long, "a")
	require.Equal(t, []string{"malformed response: head of more than 65536 bytes lost"}, says)

	line := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", lineBytesMax)
	says = tell(wantHello, line)
	require.Equal(t, []string{"malformed response: line of more than 4096 bytes in a chunked body lost"}, says)
}
