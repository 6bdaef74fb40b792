package httpparse

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// parseCut parses b as it would come in pieces that end at the cuts. Each piece is in a buffer of its own, and the one
// before is overwritten: no view into it may have been kept.
func parseCut(r *Request, b []byte, cuts ...int) (what string, n int, err error) {
	r.Reset()
	var old []byte
	for _, k := range append(cuts, len(b)) {
		buf := append(make([]byte, 0, k), b[:k]...)
		for i := range old {
			old[i] = 0xdb
		}
		if n, err = r.Parse(buf); err == nil {
			return describe(r, buf[:n]), n, nil
		} else if err != ErrNeedMore {
			return "", 0, err
		}
		old = buf
	}
	return "", 0, err
}

func allCuts(n int) (cuts []int) {
	for i := range n {
		cuts = append(cuts, i)
	}
	return cuts
}

func allHeads() (heads [][]byte) {
	for _, c := range goodHeads {
		heads = append(heads, []byte(expand(c.raw)))
	}
	for _, c := range badHeads {
		heads = append(heads, []byte(expand(c.raw)))
	}
	return append(heads, []byte(browserHead), []byte(wrkHead))
}

func TestEveryCutOfHeads(t *testing.T) {
	r := Request{Limits: Limits{HeadBytesMax: 1 << 10}}
	for _, limit := range []int{0, 37, 50} {
		r.Limits.HeadBytesMax = limit
		for _, b := range allHeads() {
			what, n, err := parseCut(&r, b)
			same := func(cuts ...int) {
				gotWhat, gotN, gotErr := parseCut(&r, b, cuts...)
				if gotErr != err || gotN != n || gotWhat != what {
					require.Failf(t, "cut changes the verdict", "%q cut at %v\nwhole: %q %d %v\ncut:   %q %d %v", b, cuts, what, n, err, gotWhat, gotN, gotErr)
				}
			}
			for k := range b {
				same(k)
				same(k/2, k)
			}
			same(allCuts(len(b))...)
		}
	}
}

// decodeCut is decodeAll with b delivered in pieces.
func decodeCut(c *Chunked, b []byte, cuts ...int) (data, trailer string, rest int, err error) {
	c.Reset()
	cuts = append(cuts, len(b))
	from := cuts[0]
	data, trailer, rest, err = decodeAll(c, append([]byte(nil), b[:from]...), func() ([]byte, bool) {
		if cuts = cuts[1:]; len(cuts) == 0 {
			return nil, false
		}
		piece := b[from:cuts[0]]
		from = cuts[0]
		return piece, true
	})
	return data, trailer, rest + len(b) - from, err
}

func allBodies() (bodies [][]byte) {
	for _, c := range goodBodies {
		bodies = append(bodies, []byte(c.raw))
	}
	for _, c := range badBodies {
		if len(c.raw) < 1000 {
			bodies = append(bodies, []byte(c.raw))
		}
	}
	return bodies
}

func TestEveryCutOfBodies(t *testing.T) {
	var c Chunked
	for _, c.Limits.TrailerBytesMax = range []int{0, 12} {
		for _, b := range allBodies() {
			data, trailer, rest, err := decodeCut(&c, b)
			same := func(cuts ...int) {
				gotData, gotTrailer, gotRest, gotErr := decodeCut(&c, b, cuts...)
				if gotErr != err || gotTrailer != trailer || gotData != data || err == Done && gotRest != rest {
					require.Failf(t, "cut changes the verdict", "%q cut at %v\nwhole: %q %q %d %v\ncut:   %q %q %d %v", b, cuts, data, trailer, rest, err, gotData, gotTrailer, gotRest, gotErr)
				}
			}
			for k := range b {
				same(k)
				same(k/2, k)
			}
			same(allCuts(len(b))...)
		}
	}
	for _, bad := range badBodies {
		c.Limits = ChunkLimits{}
		_, _, _, err := decodeCut(&c, []byte(bad.raw), len(bad.raw)/3, len(bad.raw)/2)
		require.Same(t, bad.want, err)
	}
}

// A megabyte with many chunks, cut at random: what comes out is what went in.
func TestChunkedRandomCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	var b []byte
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(1<<rng.IntN(16)))
		b = AppendChunk(b, rest[:n])
		rest = rest[n:]
	}
	b = append(b, "0\r\nX-Sum: 1\r\n\r\nnext"...)
	var cuts []int
	for at := 0; at < len(b); at += 1 + rng.IntN(5000) {
		cuts = append(cuts, at)
	}
	var c Chunked
	got, trailer, rest, err := decodeCut(&c, b, cuts...)
	require.Equal(t, Done, err)
	require.Equal(t, "X-Sum=1\n", trailer)
	require.Equal(t, 4, rest)
	require.True(t, bytes.Equal(data, []byte(got)))
}

// One more byte must cost a bounded amount: the bytes looked at are counted by where the search for the line end starts.
func TestNoRescan(t *testing.T) {
	head := append([]byte("GET / HTTP/1.1\r\nHost: a\r\nX: "), bytes.Repeat([]byte{'v'}, 1000)...)
	var r Request
	for k := 30; k <= len(head); k++ {
		_, err := r.Parse(head[:k])
		require.Equal(t, ErrNeedMore, err)
		require.Equal(t, cursor{next: 25, scan: k}, r.cursor)
		require.Len(t, r.Fields, 1)
	}
	var c Chunked
	trailer := head[25:]
	_, n, err := c.Next([]byte("0\r\n"))
	require.Equal(t, ErrNeedMore, err)
	require.Equal(t, 3, n)
	for k := range trailer {
		_, n, err = c.Next(trailer[:k])
		require.Equal(t, ErrNeedMore, err)
		require.Zero(t, n)
		require.Equal(t, cursor{scan: k}, c.cursor)
	}
}
