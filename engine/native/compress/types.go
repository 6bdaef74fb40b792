package compress

import (
	"fmt"
	"strings"
)

// DefaultTypes returns the media types that are compressed by default: text, and what is text by another name.
func DefaultTypes() []string {
	return []string{"text/", "+json", "+xml", "application/json", "application/javascript", "application/xml",
		"application/wasm", "application/x-ndjson", "application/yaml", "font/ttf", "font/otf", "image/bmp",
		"image/vnd.microsoft.icon"}
}

// defaultType stands for no type: native's default is text.
var defaultType = []byte("text/plain")

// eventStream is in no group. A stream of events may stay for hours and say little, and would hold an encoder all the time.
const eventStream = "text/event-stream"

// types are media types and groups of them, in lower case.
type types []string

func newTypes(names []string) types {
	ts := make(types, len(names))
	for i, t := range names {
		if !strings.ContainsAny(t, "/+") || strings.ContainsAny(t, " ;,*") {
			panic(fmt.Sprintf(`compress: Options.Types: %q: want a media type, or a group of them like "text/" or "+json"`, t))
		}
		ts[i] = strings.ToLower(t)
	}
	return ts
}

// has reports whether a Content-Type is one of them.
func (ts types) has(contentType []byte) bool {
	media := contentType
	for i, c := range contentType {
		if c == ';' {
			media = contentType[:i]
			break
		}
	}
	if media = trim(media); len(media) == 0 {
		media = defaultType
	}
	events := equalFold(media, eventStream)
	for _, t := range ts {
		part := media
		switch {
		case events:
		case t[0] == '+': // a structured syntax suffix (RFC 6838, section 4.2.8)
			part = media[max(0, len(media)-len(t)):]
		case t[len(t)-1] == '/':
			part = media[:min(len(t), len(media))]
		}
		if equalFold(part, t) {
			return true
		}
	}
	return false
}
