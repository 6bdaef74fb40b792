package proxy

import "testing"

func FuzzHeader(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.header))
		f.Add([]byte(c.header + "GET / HTTP/1.1\r\n\r\n"))
		f.Add([]byte(c.header[:len(c.header)/2]))
	}
	for _, c := range bad {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		agree(t, in)
		// No cut of it is judged otherwise than the whole, but for waiting.
		whole, wholeErr := measure(in)
		for cut := range in {
			if n, err := measure(in[:cut]); n != 0 && n != whole || err != nil && err != wholeErr {
				t.Fatalf("%d bytes: %d, %v; all: %d, %v", cut, n, err, whole, wholeErr)
			}
			if cut > HeaderBytesMax+200 {
				break
			}
		}
	})
}
