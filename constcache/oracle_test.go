package constcache_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

var element = regexp.MustCompile(`^[ \t]*([^; \t]*|[^; \t][^;]*[^; \t])[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$`)

// slowSelected is RFC 9110, section 12.5.3, sentence by sentence, for the codings of negotiable.
func slowSelected(accept string) string {
	weights := map[string]float64{}
	for e := range strings.SplitSeq(accept, ",") {
		m := element.FindStringSubmatch(e)
		if m == nil {
			continue
		}
		name, weight := strings.ToLower(m[1]), 1.0
		if name == "x-gzip" {
			name = "gzip"
		}
		if m[2] != "" {
			weight, _ = strconv.ParseFloat(m[2], 64)
		}
		if w, ok := weights[name]; !ok || weight < w {
			weights[name] = weight
		}
	}
	weightOf := func(coding string) float64 {
		if w, ok := weights[coding]; ok {
			return w
		}
		return weights["*"]
	}
	best := ""
	for _, coding := range []string{"br", "zstd", "gzip"} { // the shortest first
		if w := weightOf(coding); w > 0 && w >= weightOf("identity") && (best == "" || w > weightOf(best)) {
			best = coding
		}
	}
	if best == "" {
		return "identity"
	}
	return best
}

func TestOracleAcceptEncoding(t *testing.T) {
	a := negotiable(t)
	for _, c := range acceptEncodings {
		require.Equal(t, slowSelected(c.accept), selected(a, c.accept), "%q", c.accept)
	}
}

// What a request says about what its client has.
const (
	modified = "Sun, 06 Nov 1994 08:49:37 GMT"
	earlier  = "Sun, 06 Nov 1994 08:49:36 GMT"
	later    = "Sun, 06 Nov 1994 08:49:38 GMT"
)

var noneMatches = []string{
	"", "*", `"v1"`, `W/"v1"`, `"v2"`, `"v2", "v1"`, `"v2","v1"`, `"v2" "v1"`, `W/"v2", W/"v1"`, ` , ,"v1"`, `"v1`, `v1`, `"v2, "v1"`,
	`w/"v1"`, `W/`, `"`, `""`, `"v2", *`, `"v 1", "v1"`, "\"v\xff\", \"v1\"", `"v1" garbage`, `garbage "v1"`, `"V1"`, `W/W/"v1"`, " \t",
	`"v1-gzip"`, `*x`,
}

var modifiedSinces = []string{
	"", modified, earlier, later, " " + later + "\t", "Sunday, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:36 GMT",
	"Sun Nov  6 08:49:37 1994", "Sun Nov  6 08:49:36 1994", "yesterday", "0", "Sun, 06 Nov 1994 08:49:37", strings.Repeat("9", 1000),
	"Sun, 6 Nov 1994 08:49:38 GMT", "Fri, 31 Feb 2023 00:00:00 GMT",
}

// oracleAnswers are answers with validators of every kind, and what package http needs to give them.
var oracleAnswers = []struct {
	name   string
	fields []constcache.Field
	since  string
}{
	{"strong tag", []constcache.Field{{"ETag", `"v1"`}}, ""},
	{"weak tag", []constcache.Field{{"ETag", `W/"v1"`}}, ""},
	{"both", []constcache.Field{{"ETag", `"v1"`}, {"Last-Modified", modified}}, modified},
}

// TestOracleServeContent: package http's ServeContent, given the same validators, decides the same, and sends the same fields.
func TestOracleServeContent(t *testing.T) {
	for _, o := range oracleAnswers {
		fields := append([]constcache.Field{{"Content-Type", "text/plain"}, {"Cache-Control", "max-age=9"}, {"Expires", later}}, o.fields...)
		a := answer(t, constcache.Source{Status: 200, Fields: fields, Body: page})
		var at time.Time
		if o.since != "" {
			at, _ = http.ParseTime(o.since)
		}
		for _, noneMatch := range noneMatches {
			for _, since := range modifiedSinces {
				for _, method := range []string{"GET", "HEAD"} {
					r := httptest.NewRequest(method, "/", nil)
					ask := constcache.Ask{Minor: 1, Head: method == "HEAD"}
					if noneMatch != "" {
						r.Header.Set("If-None-Match", noneMatch)
						ask.IfNoneMatch = []byte(noneMatch)
					}
					if since != "" {
						r.Header.Set("If-Modified-Since", strings.Trim(since, " \t")) // as it is received
						ask.IfModifiedSince = []byte(since)
					}
					w := httptest.NewRecorder()
					for _, f := range fields {
						w.Header().Set(f.Name, f.Value)
					}
					http.ServeContent(w, r, "", at, bytes.NewReader(page))
					want := w.Result()
					got := parse(t, a.Append(nil, date, &ask), method)

					name := o.name + " " + method + " " + noneMatch + " " + since
					require.Equal(t, want.StatusCode, got.StatusCode, name)
					want.Header.Del("Accept-Ranges") // ranges are not ours to answer
					got.Header.Del("Date")
					require.Equal(t, want.Header, got.Header, name)
					require.Equal(t, w.Body.String(), got.body, name)
				}
			}
		}
	}
}

// TestConditions: what ServeContent has no opinion on.
func TestConditions(t *testing.T) {
	unmodified := func(a *constcache.Answer, ask constcache.Ask) bool {
		status, _, _ := a.Parts(&ask)
		return status == 304
	}
	a := answer(t, constcache.Source{Status: 200, Fields: []constcache.Field{{"ETag", `"v1"`}}, Body: page}, marked("gzip", 300))
	require.True(t, unmodified(a, constcache.Ask{IfNoneMatch: []byte(`"v1-gzip"`), AcceptEncoding: []byte("gzip")}))
	require.False(t, unmodified(a, constcache.Ask{IfNoneMatch: []byte(`"v1"`), AcceptEncoding: []byte("gzip")}), "the tag of another variant")
	require.False(t, unmodified(a, constcache.Ask{IfModifiedSince: []byte(later)}), "there is no date to compare with")

	gone := answer(t, constcache.Source{Status: 410, Fields: []constcache.Field{{"ETag", `"v1"`}, {"Last-Modified", modified}}})
	require.False(t, unmodified(gone, constcache.Ask{IfNoneMatch: []byte(`"v1"`)}), "conditions are for successes")
	require.False(t, unmodified(gone, constcache.Ask{IfModifiedSince: []byte(later)}))

	empty := answer(t, constcache.Source{Status: 204, Fields: []constcache.Field{{"Last-Modified", modified}}})
	require.False(t, unmodified(empty, constcache.Ask{IfNoneMatch: []byte("*"), IfModifiedSince: []byte(later)}), "a date does not count beside tags")
	status, fields, _ := empty.Parts(&constcache.Ask{IfModifiedSince: []byte(later)})
	require.Equal(t, 304, status)
	require.Equal(t, []constcache.Field{{"Last-Modified", modified}}, fields, "all that a cache has to go by")
}
