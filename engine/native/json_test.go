package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// postBody sends a body and returns the answer's status and body.
func postBody(t testing.TB, url, contentType string, body io.Reader) (int, string) {
	resp, err := http.Post(url, contentType, body)
	require.NoError(t, err, "%s %s", url, contentType)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err, "%s %d", url, resp.StatusCode)
	return resp.StatusCode, string(answer)
}

type order struct {
	Item  string    `json:"item"`
	Count int8      `json:"count"`
	At    time.Time `json:"at"`
	Tags  []string  `json:"tags"`
	Any   any       `json:"any"`
}

func TestRequestJSON(t *testing.T) {
	rt := NewRouter()
	rt.Handle("POST /", func(w *Response, r *Request) error {
		var o order
		if err := r.JSON(&o); err != nil {
			return err
		}
		return w.Text(200, fmt.Sprintf("%s %d %v", o.Item, o.Count, o.Any))
	})
	rt.Handle("POST /small", func(w *Response, r *Request) error {
		r.SetBodyBytesMax(10)
		return r.JSON(new(order))
	})
	rt.Handle("POST /mistake", func(w *Response, r *Request) error { return r.JSON(order{}) })
	url := "http://" + serve(t, "", rt).addr
	deep := func(n int) string {
		return `{"any":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
	}
	for _, c := range []struct {
		path, contentType, body string
		status                  int
		answer                  string
	}{
		{"/", "application/json", `{"item":"tea","count":2}`, 200, "tea 2 <nil>"},
		{"/", "application/json; charset=utf-8", ` {"item":"tea"} ` + "\r\n\t", 200, "tea 0 <nil>"},
		{"/", "Application/JSON", `{"item":"a","item":"b","other":[{}]}`, 200, "b 0 <nil>"},
		{"/", "application/vnd.shop.v1+json", `{"any":[1,{"a":null}]}`, 200, " 0 [1 map[a:<nil>]]"},
		{"/", "application/json", "{\"item\":\"\xff\"}", 200, "\ufffd 0 <nil>"},
		{"/", "application/json", `{"item":"\ud800"}`, 200, "\ufffd 0 <nil>"},
		{"/", "application/json", "null", 200, " 0 <nil>"},

		{"/", "", `{}`, 415, "want a body of type application/json"},
		{"/", "text/plain", `{}`, 415, "want a body of type application/json"},
		{"/", "application/x-www-form-urlencoded", `{}`, 415, "want a body of type application/json"},
		{"/", "+json", `{}`, 415, "want a body of type application/json"},
		{"/small", "application/json", `{"item":"tea"}`, 413, "Request Entity Too Large"},
		{"/mistake", "application/json", `{}`, 500, "Internal Server Error"},

		{"/", "application/json", "", 400, "JSON: the body is empty"},
		{"/", "application/json", " \n", 400, "JSON: the body is empty"},
		{"/", "application/json", "{\n  \"item\" \"tea\"}", 400,
			`JSON: invalid character '"' after object key at byte 11 (line 2, column 10)`},
		{"/", "application/json", `{"item":"tea"`, 400, "JSON: unexpected end of JSON input at byte 13 (line 1, column 14)"},
		{"/", "application/json", `{"item":"tea"} x`, 400,
			"JSON: invalid character 'x' after top-level value at byte 15 (line 1, column 16)"},
		{"/", "application/json", "{}\x00", 400,
			`JSON: invalid character '\x00' after top-level value at byte 2 (line 1, column 3)`},
		{"/", "application/json", "\ufeff{}", 400,
			`JSON: invalid character 'ï' looking for beginning of value at byte 0 (line 1, column 1)`},
		{"/", "application/json", `{"count":"x"}`, 400, "JSON: want a number, got a string at byte 9 (line 1, column 10)"},
		{"/", "application/json", `{"count":1.5}`, 400, "JSON: a number that does not fit at byte 9 (line 1, column 10)"},
		{"/", "application/json", `{"count":300}`, 400, "JSON: 300 does not fit"},
		{"/", "application/json", "{\"item\":\"\xff\",\"count\":[]}", 400, "JSON: a value does not fit"},
		{"/", "application/json", "{\n\n\"tags\":{}}", 400, "JSON: want an array, got an object at byte 10 (line 3, column 8)"},
		{"/", "application/json", `[]`, 400, "JSON: want an object, got an array at byte 0 (line 1, column 1)"},
		{"/", "application/json", `{"item":true}`, 400, "JSON: want a string, got a boolean at byte 8 (line 1, column 9)"},
		{"/", "application/json", `{"at":"yesterday"}`, 400, "JSON: a value does not fit"},
		{"/", "application/json", `{"any":1e999}`, 400, "JSON: float number is infinity at byte 12 (line 1, column 13)"},

		{"/", "application/json", deep(JSONDepthMax + 1), 400,
			"JSON: nested deeper than 1000 at byte 1006 (line 1, column 1007)"},
		{"/", "application/json", strings.Repeat("[", 1<<20), 400,
			"JSON: nested deeper than 1000 at byte 1000 (line 1, column 1001)"},
		{"/", "application/json", `{"item":"` + strings.Repeat(`[{\"`, 2000) + `"}`, 200, strings.Repeat(`[{"`, 2000) + " 0 <nil>"},
		{"/", "application/json", `{"tags":[` + strings.Repeat(`"[",`, 2000) + `""]}`, 200, " 0 <nil>"},
	} {
		status, answer := postBody(t, url+c.path, c.contentType, strings.NewReader(c.body))
		require.Equal(t, c.status, status, "%.80s: %s", c.body, answer)
		require.Equal(t, c.answer, strings.TrimSuffix(answer, "\n"), "%.80s", c.body)
	}
	status, answer := postBody(t, url, "application/json", strings.NewReader(deep(JSONDepthMax)))
	require.Equal(t, 200, status, answer)
}

// nest takes more than one slot of the codec's stack for each level, and more than it has before JSONDepthMax.
type nest struct{ N ***map[string]***nest }

// TestJSONCodecStack: the codec's own bound gives an error that must not be printed, of which nothing may be seen.
func TestJSONCodecStack(t *testing.T) {
	n := JSONDepthMax / 2
	body := []byte(strings.Repeat(`{"N":{"k":`, n) + "null" + strings.Repeat("}}", n))
	var v nest
	require.NoError(t, decodeJSON(body, &v))

	n = 5000
	body = []byte(strings.Repeat(`{"N":{"k":`, n) + "null" + strings.Repeat("}}", n))
	err := codec.Unmarshal(body, &v)
	require.IsType(t, new(json.UnsupportedValueError), err)
	require.Equal(t, &Error{Status: 400, Message: "JSON: nested too deep"}, refusedJSON(body, err))
}

type refusing struct{}

var errRefusing = errors.New("secret")

func (refusing) UnmarshalJSON([]byte) error   { return errRefusing }
func (refusing) MarshalJSON() ([]byte, error) { return nil, errRefusing }

// TestJSONCause: what a type says goes to the log, and not to the client.
func TestJSONCause(t *testing.T) {
	err := decodeJSON([]byte(`{"a":1}`), &struct{ A refusing }{})
	require.ErrorIs(t, err, errRefusing)
	require.Equal(t, "JSON: a value does not fit", err.(*Error).Message)
}

// TestJSONKeeps: what has been decoded stays when the buffer that it came in has other bytes.
func TestJSONKeeps(t *testing.T) {
	type kept struct {
		S    string
		Raw  json.RawMessage
		N    json.Number
		Map  map[string]string
		Any  any
		Data []byte
	}
	text := `{"S":"abc","Raw":{"x":"y"},"N":12345,"Map":{"key":"value"},"Any":["one",{"two":"three"}],"Data":"QUJD"}`
	var want kept
	require.NoError(t, json.Unmarshal([]byte(text), &want))
	kepts := make(chan *kept, 6)
	rt := NewRouter()
	rt.Handle("POST /", func(_ *Response, r *Request) error {
		v := new(kept)
		err := r.JSON(v)
		kepts <- v
		return err
	})
	url := "http://" + serve(t, "", rt).addr
	for range 3 {
		status, _ := postBody(t, url, "application/json", strings.NewReader(text))
		require.Equal(t, 200, status)
		postBody(t, url, "application/json", strings.NewReader(strings.Repeat("#", len(text))))
	}
	for range 3 {
		require.Equal(t, want, *<-kepts)
		<-kepts
	}
	body := []byte(text)
	var v kept
	require.NoError(t, decodeJSON(body, &v))
	clear(body)
	require.Equal(t, want, v)
}

func TestResponseJSON(t *testing.T) {
	big := strings.Repeat("0123456789", 10_000)
	cycle := &struct{ Next any }{}
	cycle.Next = cycle
	rt := NewRouter()
	handle := func(path string, f func(w *Response) error) {
		rt.Handle("GET "+path, func(w *Response, _ *Request) error { return f(w) })
	}
	handle("/small", func(w *Response) error { return w.JSON(201, map[string]any{"b": 1, "a": "<&>"}) })
	handle("/big", func(w *Response) error { return w.JSON(200, &big) })
	handle("/typed", func(w *Response) error {
		w.Set("Content-Type", "application/problem+json")
		return w.JSON(404, struct{ Title string }{"none"})
	})
	handle("/behind", func(w *Response) error {
		w.WriteString("\xff")
		return w.JSON(200, "\xfe")
	})
	handle("/flushed", func(w *Response) error {
		w.WriteString("[")
		w.Flush()
		return w.JSON(200, 1)
	})
	handle("/nobody", func(w *Response) error { return w.JSON(204, 1) })
	handle("/nan", func(w *Response) error { return w.JSON(200, []float64{1, math.NaN()}) })
	handle("/chan", func(w *Response) error { return w.JSON(200, []any{1, make(chan int)}) })
	handle("/cycle", func(w *Response) error { return w.JSON(200, cycle) })
	handle("/refusing", func(w *Response) error { return w.JSON(200, refusing{}) })
	rt.Const("GET /const", func(w *Response, _ *Request) error { return w.JSON(200, []int{1}) })
	url := "http://" + serve(t, "", rt).addr
	for _, c := range []struct {
		path, contentType, body string
		status                  int
		length                  int64
	}{
		{"/small", "application/json", `{"a":"<&>","b":1}`, 201, 17},
		{"/big", "application/json", `"` + big + `"`, 200, 100_002},
		{"/typed", "application/problem+json", `{"Title":"none"}`, 404, 16},
		{"/behind", "application/json", "\xff\"\\ufffd\"", 200, 9},
		{"/flushed", "text/plain; charset=utf-8", "[1", 200, -1},
		{"/nobody", "text/plain; charset=utf-8", "Internal Server Error\n", 500, 22},
		{"/nan", "text/plain; charset=utf-8", "Internal Server Error\n", 500, 22},
		{"/chan", "text/plain; charset=utf-8", "Internal Server Error\n", 500, 22},
		{"/cycle", "text/plain; charset=utf-8", "Internal Server Error\n", 500, 22},
		{"/refusing", "text/plain; charset=utf-8", "Internal Server Error\n", 500, 22},
		{"/const", "application/json", "[1]", 200, 3},
	} {
		resp, err := http.Get(url + c.path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err, c.path)
		resp.Body.Close()
		require.Equal(t, c.status, resp.StatusCode, c.path)
		require.Equal(t, c.contentType, resp.Header.Get("Content-Type"), c.path)
		require.Equal(t, c.body, string(body), c.path)
		require.Equal(t, c.length, resp.ContentLength, c.path)
	}
}

// TestResponseJSONUnbegun: after a value that cannot be encoded the response is as it was, and usable.
func TestResponseJSONUnbegun(t *testing.T) {
	cycle := map[string]any{}
	cycle["again"] = cycle
	for _, v := range []any{math.Inf(1), cycle, make(chan int), refusing{}, json.RawMessage("{"), json.Number("1x")} {
		w := &Response{length: -1}
		err := w.JSON(200, v)
		require.ErrorContains(t, err, fmt.Sprintf("%T as JSON", v))
		require.Zero(t, w.status)
		require.Empty(t, w.draft)
		require.Empty(t, w.fields.lines)
		require.NoError(t, w.JSON(200, []string{"fine"}))
		require.Equal(t, `["fine"]`, string(w.draft))
	}
	require.ErrorIs(t, (&Response{length: -1}).JSON(200, refusing{}), errRefusing)
	require.ErrorIs(t, (&Response{length: 2}).JSON(200, "long"), ErrContentLength)
}

// TestJSONAllocs: one is sonic's, for the value's interface.
func TestJSONAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	w := &Response{length: -1}
	v := &struct {
		Message string `json:"message"`
	}{"Hello, World!"}
	n := testing.AllocsPerRun(100, func() {
		w.reset()
		require.NoError(t, w.JSON(200, v))
	})
	require.LessOrEqual(t, n, 1.0)
	require.True(t, bytes.Equal(w.draft, []byte(`{"message":"Hello, World!"}`)))
}
