package native

import "testing"

// FuzzJSON: encoding/json judges each body, but for the differences that are listed.
func FuzzJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { judgeJSON(t, body) })
}
