package fuzz

import (
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"testing"

	"github.com/peregrine-http/peregrine/httpparse"
)

// FuzzChunkedBothWays lets net/http's coding of bodies and ours read each other: ours at every cut, in pieces of any size.
func FuzzChunkedBothWays(f *testing.F) {
	f.Add([]byte("Wikipedia in chunks."), uint16(4))              // RFC 9112, section 7.1, as most texts show it
	f.Add([]byte("0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), uint16(100)) // data that looks like the end and a request
	f.Add([]byte("\r\n\r\n"), uint16(0))                          // data that looks like line ends, a byte a chunk
	f.Add([]byte{}, uint16(7))                                    // no data at all
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		data = data[:min(len(data), 1<<10)]
		var ours, theirs bytes.Buffer
		w := httputil.NewChunkedWriter(&theirs)
		for rest := data; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			ours.Write(httpparse.AppendChunk(nil, rest[:n]))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		ours.WriteString(httpparse.LastChunk)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		theirs.WriteString("\r\n") // Close leaves it to who may write trailers
		if !bytes.Equal(ours.Bytes(), theirs.Bytes()) {
			t.Fatalf("%q is not %q", ours.Bytes(), theirs.Bytes())
		}

		got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(ours.Bytes())))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("net/http reads %q from %q: %v", got, ours.Bytes(), err)
		}
		const behind = "GET" // belongs to the next request
		wire := append(bytes.Clone(theirs.Bytes()), behind...)
		for cut := range min(theirs.Len(), 400) { // always before the end
			got, rest, err := decode(wire[:cut], wire[cut:])
			if err != nil || !bytes.Equal(got, data) || string(rest) != behind {
				t.Fatalf("cut at %d, %q becomes %q, with %q behind it: %v", cut, wire, got, rest, err)
			}
		}
	})
}

// decode decodes a body that comes in pieces and ends in the last one. rest is what is behind it.
func decode(pieces ...[]byte) (data, rest []byte, err error) {
	var c httpparse.Chunked
	for _, p := range pieces {
		rest = append(bytes.Clone(rest), p...)
		for {
			d, n, err := c.Next(rest)
			data = append(data, d...)
			rest = rest[n:]
			if errors.Is(err, httpparse.ErrNeedMore) {
				break
			}
			if err == httpparse.Done {
				return data, rest, nil
			}
			if err != nil {
				return data, rest, err
			}
		}
	}
	return data, rest, errors.New("no end")
}
