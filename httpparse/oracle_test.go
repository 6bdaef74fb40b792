package httpparse

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The slow twins: a byte at a time, every line by the careful path.

func slowTextEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= 0x20 && b[i] != 0x7f {
		i++
	}
	return i
}

func slowColonFrom(b []byte, i int) int {
	for i < len(b) && b[i] != ':' {
		i++
	}
	return i
}

func slowLookup(name string) FieldID {
	for id := FieldHost; id < fieldIDs; id++ {
		if strings.EqualFold(name, id.String()) {
			return id
		}
	}
	return 0
}

func slowParse(r *Request, b []byte) (n int, err error) {
	r.Reset()
	const sizeMax = headBytesDefault
	i := 0
	if bytes.HasPrefix(b, []byte("\r\n")) {
		i = 2
	}
	end, err := r.line(b, i, sizeMax, ErrHeadSize)
	if err == nil {
		err = r.carefulRequestLine(b, i, end)
	}
	for err == nil {
		i = end + 2
		if bytes.HasPrefix(b[i:], []byte("\r\n")) {
			if i+2 > sizeMax {
				return 0, ErrHeadSize
			}
			if err = r.conclude(b); err != nil {
				return 0, err
			}
			return i + 2, nil
		}
		if end, err = r.line(b, i, sizeMax, ErrHeadSize); err != nil {
			break
		}
		var f Field
		if err = carefulField(b, i, end, len(r.Fields) == 0, &f); err != nil {
			break
		}
		if len(r.Fields) == fieldsDefault {
			return 0, ErrFieldCount
		}
		r.Fields = append(r.Fields, f)
		if f.ID != slowLookup(f.Name.InString(string(b))) {
			panic("lookup of " + f.Name.InString(string(b)))
		}
		err = r.meaning(b, &f)
	}
	return 0, err
}

func TestScansAgainstTwins(t *testing.T) {
	for n := range 40 {
		for at := range n + 1 {
			for c := range 256 {
				b := bytes.Repeat([]byte{'v'}, n)
				if at < n {
					b[at] = byte(c)
				}
				for i := range min(n, 9) {
					if textEnd(b, i) != slowTextEnd(b, i) || colonFrom(b, i) != slowColonFrom(b, i) {
						require.Failf(t, "scan", "%q from %d", b, i)
					}
				}
			}
		}
	}
}

// What this package refuses on purpose although net/http takes it (doc.go has the list with its reasons) ...
var stricter = []error{
	ErrHeadSize, ErrFieldCount, ErrBareLF, ErrObsFold, ErrTargetFragment, ErrTargetForm,
	ErrTargetAuthority, ErrTargetUserinfo, ErrLengthAndCoding, ErrLengthRepeated, ErrCodingHTTP10,
	ErrChunkSize, ErrChunkExt, ErrChunkExtSize, ErrTrailerForbidden, ErrTrailerSize,
}

// ... and what net/http's server refuses after ReadRequest, which is all that is called here.
var later = []error{ErrHostMissing, ErrHost, ErrVersion, ErrFieldNameSpace, ErrFieldName}

// judge compares Parse and Chunked with the slow twin and with net/http, on a connection that brings b and then ends.
func judge(b []byte) error {
	var r, slow Request
	n, err := r.Parse(b)
	slowN, slowErr := slowParse(&slow, b)
	switch {
	case n != slowN || err != slowErr:
		return fmt.Errorf("slow twin: %d %v, not %d %v", slowN, slowErr, n, err)
	case err == nil && (describe(&r, b) != describe(&slow, b) || !slices.Equal(r.Fields, slow.Fields)):
		return fmt.Errorf("slow twin: %s, not %s", describe(&slow, b), describe(&r, b))
	}
	if got, gotN, gotErr := parseCut(&slow, b, allCuts(min(len(b), 300))...); gotErr != err || gotN != n || err == nil && got != describe(&r, b) {
		return fmt.Errorf("bytewise: %s %d %v, not %d %v", got, gotN, gotErr, n, err)
	}
	br := bufio.NewReaderSize(bytes.NewReader(bytes.TrimPrefix(b, []byte("\r\n"))), 64<<10)
	req, httpErr := http.ReadRequest(br)
	if err != nil {
		if httpErr == nil && (req.URL.Opaque != "" || req.Method == "CONNECT" && req.URL.Path == "") {
			return nil // urn:x and CONNECT's target, whatever else is wrong with them
		}
		if bytes.Contains(b, []byte("\n ")) || bytes.Contains(b, []byte("\n\t")) {
			return nil // obs-fold: what it continues may be at fault here before the fold is seen
		}
		if httpErr == nil && !slices.Contains(stricter, err) && !slices.Contains(later, err) {
			return fmt.Errorf("%v, but net/http accepts", err)
		}
		return nil
	}
	if httpErr != nil {
		if bytes.IndexByte(r.Target.In(b), '[') >= 0 {
			return nil // the groups of an IPv6 address
		}
		return fmt.Errorf("net/http refuses: %v", httpErr)
	}
	if err := sameHead(&r, b, req); err != nil {
		return err
	}
	if r.Body != ChunkedBody {
		return nil
	}
	var c Chunked
	data, trailer, rest, err := decodeAll(&c, b[n:], atOnce)
	cutData, cutTrailer, _, cutErr := decodeCut(new(Chunked), b[n:], allCuts(min(len(b)-n, 300))...)
	if cutErr != err || cutTrailer != trailer || cutData != data {
		return fmt.Errorf("bytewise body: %q %q %v, not %q %q %v", cutData, cutTrailer, cutErr, data, trailer, err)
	}
	httpData, httpErr := io.ReadAll(req.Body)
	httpRest, _ := io.ReadAll(br)
	switch {
	case err == Done && httpErr != nil:
		return fmt.Errorf("net/http refuses the body: %v", httpErr)
	case err == Done && (data != string(httpData) || rest != len(httpRest)):
		return fmt.Errorf("net/http has the body %q, not %q", httpData, data)
	case err == Done:
		var want []string
		for k, vv := range req.Trailer {
			for _, v := range vv {
				want = append(want, k+"="+strings.TrimRight(v, " \t"))
			}
		}
		var got []string
		for f := range strings.Lines(trailer) {
			k, v, _ := strings.Cut(strings.TrimSuffix(f, "\n"), "=")
			got = append(got, textproto.CanonicalMIMEHeaderKey(k)+"="+v)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			return fmt.Errorf("net/http has the trailer %q, not %q", want, got)
		}
	case err == ErrNeedMore && httpErr == nil:
		return fmt.Errorf("net/http sees the end of a body that has none")
	case err != ErrNeedMore && httpErr == nil && !slices.Contains(stricter, err) && !slices.Contains(later, err):
		return fmt.Errorf("%v, but net/http accepts", err)
	}
	return nil
}

func sameHead(r *Request, b []byte, req *http.Request) error {
	eq := func(what string, got, want any) error {
		if got != want {
			return fmt.Errorf("net/http has the %s %q, not %q", what, want, got)
		}
		return nil
	}
	length := max(r.ContentLength, 0)
	if r.Body == ChunkedBody || r.Preface {
		length = -1
	}
	path, _ := url.PathUnescape(string(r.Path.In(b)))
	header := http.Header{}
	for _, f := range r.Fields {
		header.Add(string(f.Name.In(b)), string(f.Value.In(b)))
	}
	header.Del("Host")
	header.Del("Transfer-Encoding")
	if r.Body == ChunkedBody {
		header.Del("Trailer")
	}
	if header.Get("Pragma") == "no-cache" {
		header.Del("Cache-Control") // net/http makes one up
		req.Header.Del("Cache-Control")
	}
	for _, vv := range req.Header {
		for i := range vv {
			vv[i] = strings.TrimRight(vv[i], " \t") // ReadRequest leaves the space at the end when a tab comes before it
		}
	}
	checks := []error{
		eq("method", string(r.Method.In(b)), req.Method),
		eq("target", string(r.Target.In(b)), req.RequestURI),
		eq("query", string(r.Query.In(b)), req.URL.RawQuery),
		eq("length", length, req.ContentLength),
		eq("chunked", r.Body == ChunkedBody, len(req.TransferEncoding) == 1),
		eq("close", !r.KeepAlive, req.Close),
	}
	if r.Form != Authority {
		checks = append(checks, eq("path", path, req.URL.Path))
	}
	if !bytes.Contains(r.Host.In(b), []byte("%")) { // net/http decodes the target's
		checks = append(checks, eq("host", string(r.Host.In(b)), req.Host))
	}
	if !r.Preface {
		checks = append(checks, eq("minor version", int(r.Minor), req.ProtoMinor))
	}
	if !maps.EqualFunc(header, req.Header, slices.Equal) {
		checks = append(checks, fmt.Errorf("net/http has the header %q, not %q", req.Header, header))
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// pieces are what messages, good and bad, are put together from.
var pieces = strings.Split("\r\n|\n|\r| |\t|:|;|,|/|?|#|%|%41|%zz|*|@|[::1]|[|]|\x00|\x0b|\x7f|\x80|\xff|0|1|5|A|f|\"|\\|=|"+
	"GET|POST|CONNECT|OPTIONS|PRI|HTTP/1.1|HTTP/1.0|HTTP/2.0|http://|b:80|hello|0\r\n\r\n|5\r\nhello\r\n|3;a=b\r\nabc\r\n|X: y\r\n|"+
	"Host: b\r\n|Content-Length: 5\r\n|Content-Length: 0\r\n|Transfer-Encoding: chunked\r\n|Connection: close\r\n|chunked|identity|"+
	"Expect: 100-continue\r\n|Trailer: X\r\n|Cookie: a=b; c=d\r\n|Upgrade: x\r\n|close|keep-alive|\r\n\r\n|:\t", "|")

func mutate(rng *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + rng.IntN(4) {
		at := rng.IntN(len(b) + 1)
		switch rng.IntN(4) {
		case 0:
			b = slices.Insert(b, at, []byte(pieces[rng.IntN(len(pieces))])...)
		case 1:
			to := min(len(b), at+rng.IntN(4))
			b = slices.Replace(b, at, to, []byte(pieces[rng.IntN(len(pieces))])...)
		case 2:
			b = slices.Delete(b, at, min(len(b), at+1+rng.IntN(8)))
		case 3:
			from := rng.IntN(len(b) + 1)
			b = slices.Insert(b, at, bytes.Clone(b[from:min(len(b), from+rng.IntN(30))])...)
		}
	}
	return b
}

func seeds() (all [][]byte) {
	all = allHeads()
	for _, body := range allBodies() {
		all = append(all, append([]byte("POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n"), body...))
	}
	return all
}

func TestAgainstNetHTTP(t *testing.T) {
	all := seeds()
	for _, b := range all {
		require.NoError(t, judge(b), "%q", b)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	rounds := 40_000
	if testing.Short() {
		rounds = 4_000
	}
	accepted := 0
	for range rounds {
		b := mutate(rng, all[rng.IntN(len(all))])
		require.NoError(t, judge(b), "%q", b)
		if _, err := new(Request).Parse(b); err == nil {
			accepted++
		}
	}
	require.Greater(t, accepted, rounds/50, "the mutations leave hardly anything to compare")
}
