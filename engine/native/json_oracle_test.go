package native

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/quick"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// every is a type with what struct tags and kinds can do.
type every struct {
	Bool    bool
	Int     int
	Int8    int8
	Uint64  uint64
	Float32 float32
	Float64 float64
	String  string
	Bytes   []byte
	Slice   []string
	Array   [2]int16
	Map     map[string]int
	Numbers map[int]string
	Pointer *every
	Named   string `json:"named,omitempty"`
	Quoted  int64  `json:",string"`
	Skipped string `json:"-"`
	Embedded
}

// Embedded has its fields promoted.
type Embedded struct {
	Inner string
	Zero  time.Time `json:",omitzero"`
}

// TestJSONOracle: what encoding/json makes of generated values, ours makes too, and both read either.
func TestJSONOracle(t *testing.T) {
	agree := func(b bool, i int, i8 int8, u uint64, f32 float32, f64 float64, s string, data []byte, slice []string,
		array [2]int16, m map[string]int, numbers map[int]string) bool {
		v := every{Bool: b, Int: i, Int8: i8, Uint64: u, Float32: f32, Float64: f64, String: s, Bytes: data, Slice: slice,
			Array: array, Map: m, Numbers: numbers, Named: s[:len(s)/2], Quoted: -int64(i), Skipped: s}
		v.Inner, v.Zero = s, time.Unix(int64(i8), 0).UTC()
		if b {
			v.Pointer, v.Zero = &every{String: s, Slice: slice}, time.Time{}
		}
		w := &Response{length: -1}
		require.NoError(t, w.JSON(200, &v))
		std, err := json.Marshal(&v)
		require.NoError(t, err)
		for _, text := range [][]byte{w.draft, std} {
			var ours, theirs every
			require.NoError(t, decodeJSON(text, &ours))
			require.NoError(t, json.Unmarshal(text, &theirs))
			require.True(t, reflect.DeepEqual(theirs, ours), "%q", text)
			require.True(t, reflect.DeepEqual(v.Map, ours.Map) && v.String == ours.String && v.Int == ours.Int, "%q", text)
		}
		require.True(t, bytes.Equal(reencoded(t, std), reencoded(t, w.draft)), "%q", w.draft)
		return true
	}
	require.NoError(t, quick.Check(agree, &quick.Config{MaxCount: 500}))
}

// reencoded returns a text as encoding/json writes it, in its order: strings may be escaped in several ways.
func reencoded(t *testing.T, text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var out []byte
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		out = fmt.Appendf(out, "%T %q\n", token, fmt.Sprint(token))
	}
}

// TestJSONMutated: of documents with single bytes changed, removed, added or repeated, both accept the same.
func TestJSONMutated(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 50_000 {
		text := []byte(jsonSeeds[i%len(jsonSeeds)])
		for range 1 + r.IntN(3) {
			if len(text) == 0 {
				break
			}
			at := r.IntN(len(text))
			switch r.IntN(4) {
			case 0:
				text[at] = "{}[]\",:\\01-+.eEtfn \n\x00\x1f\x7f\x80\xff"[r.IntN(25)]
			case 1:
				text = append(text[:at], text[at+1:]...)
			case 2:
				text = append(text[:at+1], text[at:]...)
			case 3:
				text = append(text, text[at:]...)
			}
		}
		judgeJSON(t, text)
	}
}

var jsonSeeds = []string{
	`{"Bool":true,"Int":-12,"Int8":127,"Uint64":18446744073709551615,"Float32":1.5e3,"Float64":-0.25,"String":"a\u00e9\n\\\""}`,
	`{"Bytes":"QUJD","Slice":["a","",null],"Array":[1,2],"Map":{"a":1,"b":2},"Numbers":{"1":"x","-2":"y"}}`,
	`{"Pointer":{"Int":1,"Pointer":null},"named":"n","Quoted":"-5","Skipped":1,"Inner":"i","hidden":7}`,
	`{"string":"folded","STRING":"twice","unknown":{"a":[1,{"b":"\ud83d\ude00"}]}}`,
	`[1,2.0,-3e-4,"five",null,true,false,{},[]]`,
	`"\ud800 \udc00 \ud83d\ude00 é"`,
	` {"Int" : 1 , "Slice" : [ ] } `,
	`0`, `-0`, `1E400`, `12345678901234567890`, `""`, `null`, "\"\xff\xc0\"",
	`{"Int":1e1,"Int8":128,"Float32":1e39,"Uint64":-1,"Array":[1,2,3],"Bytes":"?","Numbers":{"x":"y"},"Quoted":5}`,
	`{"Zero":"2026-01-02T03:04:05Z","Map":null,"Slice":{},"Pointer":[]}`,
}

// judgeJSON has encoding/json judge what decodeJSON makes of a body.
func judgeJSON(t *testing.T, body []byte) {
	for _, kind := range []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[every](), reflect.TypeFor[json.RawMessage]()} {
		ours, theirs := reflect.New(kind), reflect.New(kind)
		err, want := decodeJSON(body, ours.Interface()), json.Unmarshal(body, theirs.Interface())
		if differs(body, kind) {
			continue
		}
		require.Equal(t, want == nil, err == nil, "%q as %v: %v, want %v", body, kind, err, want)
		if err == nil {
			require.True(t, reflect.DeepEqual(theirs.Interface(), ours.Interface()), "%q as %v", body, kind)
		} else {
			refused, ok := err.(*Error)
			require.True(t, ok, "%q: %v", body, err)
			require.Equal(t, 400, refused.Status)
			require.NotEmpty(t, refused.Message)
			require.NotContains(t, refused.Message, "native.", "a type's name is not for clients")
			_ = fmt.Sprint(err)
		}
	}
}

// differs lists the bodies that sonic and encoding/json do not read alike.
func differs(body []byte, kind reflect.Type) bool {
	// What is kept as it was sent has been made valid UTF-8 before.
	return kind == reflect.TypeFor[json.RawMessage]() && !utf8.Valid(body)
}
