package native

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type message struct {
	Message string `json:"message"`
}

// BenchmarkJSON has the cost of a JSON answer and of a JSON body above the transport, beside plaintext.
func BenchmarkJSON(b *testing.B) {
	rt := benchRouter()
	rt.Handle("GET /json", func(w *Response, _ *Request) error {
		return w.JSON(200, &message{"Hello, World!"})
	})
	rt.Handle("POST /json", func(w *Response, r *Request) error {
		var m message
		if err := r.JSON(&m); err != nil {
			return err
		}
		return w.JSON(200, &m)
	})
	const host = " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
	const body = `{"message":"Hello, World!"}`
	for _, bb := range []struct{ name, in, want string }{
		{"plaintext", "GET /plaintext" + host + "\r\n", "Hello, World!"},
		{"answer", "GET /json" + host + "\r\n", body},
		{"both", "POST /json" + host + "Content-Type: application/json\r\nContent-Length: 27\r\n\r\n" + body, body},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := newPlayed(b, rt)
			in := []byte(bb.in)
			require.Contains(b, string(p.play(in)), bb.want)
			b.ReportAllocs()
			for b.Loop() {
				p.play(in)
			}
		})
	}
}

// BenchmarkJSONDecode has what the checks around the codec cost, beside encoding/json.
func BenchmarkJSONDecode(b *testing.B) {
	type item struct {
		ID   int      `json:"id"`
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	one := `{"id":12345,"name":"a \"name\" with escapes é","tags":["one","two","three"]}`
	for name, body := range map[string]string{"one": "[" + one + "]", "thousand": "[" + strings.Repeat(one+",", 999) + one + "]"} {
		for _, how := range []struct {
			name   string
			decode func([]byte, any) error
		}{{"ours", decodeJSON}, {"codec", codec.Unmarshal}, {"std", json.Unmarshal}} {
			b.Run(name+"/"+how.name, func(b *testing.B) {
				in := []byte(body)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					var v []item
					require.NoError(b, how.decode(in, &v))
				}
			})
		}
	}
}
