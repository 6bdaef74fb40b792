package wsproto

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// outcomes has each rule once more, as the RFCs have it: the close code or the status, and the section. "-" is a client that
// closes the connection.
var outcomes = map[string]string{
	"handshake-method":            "405, RFC 6455, section 4.2.1",
	"handshake-http-version":      "400, RFC 6455, section 4.2.1",
	"handshake-host":              "400, RFC 6455, section 4.2.1",
	"handshake-upgrade":           "426, RFC 6455, section 4.2.1",
	"handshake-connection":        "400, RFC 6455, section 4.2.1",
	"handshake-version":           "426, RFC 6455, section 4.4",
	"handshake-key":               "400, RFC 6455, section 4.2.1",
	"handshake-protocols":         "400, RFC 6455, section 11.3.4",
	"handshake-extensions":        "400, RFC 6455, section 9.1",
	"handshake-body":              "400, RFC 6455, section 4.1",
	"handshake-origin":            "403, RFC 6455, section 4.2.2",
	"answer-status":               "-, RFC 6455, section 4.1",
	"answer-upgrade":              "-, RFC 6455, section 4.1",
	"answer-accept":               "-, RFC 6455, section 4.1",
	"answer-protocol":             "-, RFC 6455, section 4.1",
	"answer-extension":            "-, RFC 6455, section 4.1",
	"answer-extension-parameters": "-, RFC 7692, section 7.1",
	"reserved-bits":               "1002, RFC 6455, section 5.2",
	"compressed-bit":              "1002, RFC 7692, section 6.1",
	"opcode":                      "1002, RFC 6455, section 5.2",
	"control-fragmented":          "1002, RFC 6455, section 5.5",
	"control-size":                "1002, RFC 6455, section 5.5",
	"no-message":                  "1002, RFC 6455, section 5.4",
	"in-message":                  "1002, RFC 6455, section 5.4",
	"unmasked":                    "1002, RFC 6455, section 5.1",
	"masked":                      "1002, RFC 6455, section 5.1",
	"length-not-minimal":          "1002, RFC 6455, section 5.2",
	"length-overflow":             "1002, RFC 6455, section 5.2",
	"frame-size":                  "1009, RFC 6455, section 10.4",
	"message-size":                "1009, RFC 6455, section 10.4",
	"fragment-count":              "1008, RFC 6455, section 10.4",
	"text-utf8":                   "1007, RFC 6455, section 8.1",
	"close-size":                  "1002, RFC 6455, section 5.5.1",
	"close-code":                  "1002, RFC 6455, section 7.4",
	"close-reason-utf8":           "1007, RFC 6455, section 5.5.1",
	"deflate-data":                "1007, RFC 7692, section 7.2.2",
	"deflate-final":               "1007, RFC 7692, section 7.2.3.4",
	"inflated-size":               "1009, RFC 7692, section 8",
}

// TestRules breaks every rule with what the other tables have, and compares what Rules says of it with outcomes.
func TestRules(t *testing.T) {
	broken := map[string]bool{}
	breaks := func(err error) {
		if e, ok := err.(*Error); ok {
			broken[e.Rule] = true
		}
	}
	for _, s := range sessions() {
		if _, name, ok := strings.Cut(s.run(nil, s.wire), "! "); ok {
			broken[name] = true
		}
	}
	for _, c := range openings {
		o := openingOf(c.fields)
		breaks(o.Check([]byte(c.method), []byte(c.proto)))
	}
	q, cases := answers()
	for _, c := range cases {
		a := answerOf(c.fields)
		_, _, err := a.Check(q, c.status)
		breaks(err)
	}
	for _, c := range deflateAnswers() {
		q := &Request{Deflate: c.offer}
		q.Append(nil, [16]byte{})
		a := answerOf(append(answerTo(q), [2]string{"Sec-WebSocket-Extensions", c.answer}))
		_, _, err := a.Check(q, 101)
		breaks(err)
	}
	for _, e := range Rules() {
		require.True(t, broken[e.Rule], "no test breaks %s", e.Rule)
		outcome := "-"
		if e.Code != 0 || e.Status != 0 {
			outcome = fmt.Sprint(int(e.Code) + e.Status)
		}
		require.False(t, e.Code != 0 && (e.Status != 0 || !e.Code.Sendable()), e.Rule)
		require.Equal(t, outcomes[e.Rule], outcome+", RFC "+e.RFC, e.Rule)
		require.Equal(t, "wsproto: "+e.Rule+" (RFC "+e.RFC+")", e.Error())
	}
	require.Len(t, Rules(), len(outcomes), "each rule once")
}

// TestOtherErrors: an exported error that is not one of Rules is one of these, and here is how it comes.
func TestOtherErrors(t *testing.T) {
	_, _, more := ParseHeader(nil)
	r := NewReader(NewReaderConfig(Client, Limits{}, nil), nil)
	r.Release()
	_, _, closed := r.Next(nil)
	w := NewWriter(nil)
	_, long := w.Ping(nil, make([]byte, 126))
	_, unsendable := w.Close(nil, Abnormal, "")
	others := map[string]error{"ErrNeedMore": more, "ErrClosed": closed, "ErrControlPayload": long, "ErrUnsendable": unsendable}
	for name, want := range map[string]error{"ErrNeedMore": ErrNeedMore, "ErrClosed": ErrClosed, "ErrControlPayload": ErrControlPayload, "ErrUnsendable": ErrUnsendable} {
		require.Equal(t, want, others[name])
	}

	exported := map[string]bool{}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, spec := range d.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						exported[name.Name] = name.IsExported() && strings.HasPrefix(name.Name, "Err")
					}
				}
			}
		}
	}
	n := 0
	for _, is := range exported {
		if is {
			n++
		}
	}
	require.Equal(t, len(Rules())+len(others), n, "an exported error is neither a rule nor one of the others")
	for name := range others {
		require.True(t, exported[name], name)
	}
}
