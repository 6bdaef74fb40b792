package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/bytedance/sonic"
	"github.com/bytedance/sonic/decoder"
	"github.com/bytedance/sonic/encoder"
)

// JSON is read and written by sonic, which compiles a codec for each type when it first sees it. On what it does not
// support (neither amd64 nor arm64, or a Go newer than the one that it knows) it is encoding/json that does the work.
//
// What differs from encoding/json: of a body that is refused, a part may have been stored; what a json.RawMessage or a
// json.Unmarshaler gets has U+FFFD in the place of what is not UTF-8; HTML is not escaped, and control characters may be
// escaped in another way.

// codec reads JSON as encoding/json does. Strings are copied, so that one short string does not keep the whole body.
var codec = sonic.Config{CopyString: true, ValidateString: true}.Froze()

// written is how JSON is written: keys of maps in order, so that equal values give equal bytes and ETags; what a
// json.Marshaler gives in one line; what is not UTF-8 as U+FFFD. HTML is left alone: no browser takes application/json
// for markup.
const written = encoder.SortMapKeys | encoder.CompactMarshaler | encoder.ValidateString

var errNotJSON = &Error{Status: 415, Message: "want a body of type application/json"}

// JSON reads the body, which must be one JSON value, into what v points to, by the rules of encoding/json. It waits for
// the body as Body does. What it stores is a copy.
//
// The errors are the client's and know their answer: 415 if Content-Type is neither application/json nor ends in +json
// (also if there is none: a page of another origin can send such a request without being asked, as it can send
// text/plain); 413 above the body's bound; 400 with the place, as a byte's offset and as line and column, for a body that
// is empty, does not parse, has something behind the value, is nested deeper than JSONDepthMax, or has a value that does
// not fit v. Fields that v does not have are skipped; of keys that are repeated the last wins. A v that nothing can be
// stored in is the program's mistake: an error without a status.
func (r *Request) JSON(v any) error {
	if !isJSON(r.ContentType()) {
		return errNotJSON
	}
	body, err := r.Body()
	if err != nil {
		return err
	}
	return decodeJSON(body, v)
}

func isJSON(mediaType []byte) bool {
	n := len(mediaType)
	return equalFold(mediaType, "application/json") || n > len("+json") && equalFold(mediaType[n-len("+json"):], "+json")
}

func decodeJSON(body []byte, v any) error {
	if len(bytes.TrimLeft(body, " \t\r\n")) == 0 {
		return &Error{Status: 400, Message: "JSON: the body is empty"}
	}
	// Few bodies have so many brackets that their depth must be measured.
	if bytes.Count(body, openArray)+bytes.Count(body, openObject) > JSONDepthMax {
		if at := tooDeep(body); at >= 0 {
			return &Error{Status: 400, Message: fmt.Sprintf("JSON: nested deeper than %d%s", JSONDepthMax, placeIn(body, at))}
		}
	}
	err := errEscape
	if validEscapes(body) {
		err = codec.Unmarshal(body, v)
	}
	if err != nil {
		return refusedJSON(body, err)
	}
	return nil
}

var errEscape = errors.New("native: JSON with an escape that is none")

// validEscapes looks at what the codec does not look at in strings that it skips. Outside of strings a backslash is refused
// anyway.
func validEscapes(body []byte) bool {
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return true
		}
		if body = body[i+1:]; len(body) == 0 {
			return false
		}
		switch c := body[0]; c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			body = body[1:]
		case 'u':
			if len(body) < 5 || unhex(body[1]) < 0 || unhex(body[2]) < 0 || unhex(body[3]) < 0 || unhex(body[4]) < 0 {
				return false
			}
			body = body[5:]
		default:
			return false
		}
	}
}

var openArray, openObject = []byte("["), []byte("{")

// tooDeep returns the offset of the first bracket that opens more than JSONDepthMax levels, or -1.
func tooDeep(body []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '[' || c == '{':
			if depth++; depth > JSONDepthMax {
				return i
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return -1
}

// refusedJSON makes the client's error of the codec's, whose texts quote the body and name Go's types. What is wrong with
// the syntax encoding/json says, since it has a word for each case and the codec has one for all.
func refusedJSON(body []byte, err error) error {
	var impossible *json.InvalidUnmarshalError
	if errors.As(err, &impossible) {
		return err
	}
	refused := &Error{Status: 400}
	var value json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(body, &value), &syntax) {
		at := int(syntax.Offset)
		if at > 0 && syntax.Error() != "unexpected end of JSON input" {
			at--
		}
		refused.Message = "JSON: " + syntax.Error() + placeIn(body, at)
		return refused
	}
	// The codec's positions are those in a text made valid.
	exact := utf8.Valid(body)
	switch e := err.(type) {
	case *decoder.MismatchTypeError:
		refused.Message = "JSON: " + misfit(body, e.Pos, e.Type, exact)
	case decoder.SyntaxError: // of something that only the codec looks at: a number that is out of range
		refused.Message = "JSON: " + e.Message()
		if exact {
			refused.Message += placeIn(body, e.Pos)
		}
	case *json.UnmarshalTypeError:
		refused.Message = "JSON: " + e.Value + " does not fit"
	case *json.UnsupportedValueError:
		// The codec's stack has run over. The value behind this error cannot be printed: it would end the process.
		refused.Message = "JSON: nested too deep"
	default: // what a json.Unmarshaler says, which may not be for clients
		refused.Message, refused.Err = "JSON: a value does not fit", err
	}
	return refused
}

// misfit says of the value at an offset that it is not one for a type.
func misfit(body []byte, at int, t reflect.Type, exact bool) string {
	if !exact || at < 0 || at >= len(body) {
		return "a value does not fit"
	}
	got, want := "a number", ""
	switch body[at] {
	case '"':
		got = "a string"
	case '{':
		got = "an object"
	case '[':
		got = "an array"
	case 't', 'f':
		got = "a boolean"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch k := t.Kind(); {
	case k == reflect.Bool:
		want = "a boolean"
	case k == reflect.String:
		want = "a string"
	case k >= reflect.Int && k <= reflect.Float64:
		want = "a number"
	case k == reflect.Slice || k == reflect.Array:
		want = "an array"
	case k == reflect.Struct || k == reflect.Map:
		want = "an object"
	}
	if want == "" || want == got {
		return got + " that does not fit" + placeIn(body, at)
	}
	return "want " + want + ", got " + got + placeIn(body, at)
}

// placeIn says where an offset is, for programs and for people. Lines and columns count from 1, columns in bytes.
func placeIn(body []byte, at int) string {
	at = min(at, len(body))
	line := 1 + bytes.Count(body[:at], newline)
	column := at - bytes.LastIndexByte(body[:at], '\n')
	return fmt.Sprintf(" at byte %d (line %d, column %d)", at, line, column)
}

var newline = []byte("\n")

// JSON answers with v as JSON, of type application/json unless a type is set. It is encoded where the body is collected, and
// costs one allocation of 16 bytes, which is sonic's; a v that is no pointer may cost one more. Characters that mean
// something in HTML or JavaScript (<, >, &, U+2028, U+2029) are not escaped, in contrast to json.Marshal; keys of maps are
// sorted, and what is not UTF-8 becomes U+FFFD, as there.
//
// A v that cannot be encoded gives the encoder's error and leaves the response as it was, so that a handler which returns
// the error is answered for with 500. Other errors are those of Write.
func (w *Response) JSON(status int, v any) error {
	w.compose()
	if w.sentHead || len(w.draft) > 0 {
		return w.jsonBehind(status, v)
	}
	draft := w.draft // the encoder leaves a slice behind that is none, if its stack has run over
	if err := encoder.EncodeInto(&w.draft, v, written); err != nil {
		w.draft = draft
		return encodeFailed(v, err)
	}
	w.SetStatus(status)
	w.setType("application/json")
	if err := w.admit(int64(len(w.draft))); err != nil {
		w.draft = w.draft[:0]
		return err
	}
	return nil
}

// jsonBehind is for a response that has a body already, in which the encoder must not look for what is not UTF-8.
func (w *Response) jsonBehind(status int, v any) error {
	text, err := encoder.Encode(v, written)
	if err != nil {
		return encodeFailed(v, err)
	}
	w.SetStatus(status)
	w.setType("application/json")
	_, err = w.Write(text)
	return err
}

// encodeFailed names the type, and says in other words what cannot be printed: see refusedJSON.
func encodeFailed(v any, err error) error {
	if _, ok := err.(*json.UnsupportedValueError); ok {
		return fmt.Errorf("native: %T as JSON: has a number that is infinite or none, or is nested too deep", v)
	}
	return fmt.Errorf("native: %T as JSON: %w", v, err)
}
