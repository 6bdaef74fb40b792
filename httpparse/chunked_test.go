package httpparse

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A body that must be refused, and the rule it breaks.
var badBodies = []struct {
	rfc, raw string
	want     *Error
}{
	{"9112 7.1", "x\r\n", ErrChunkSize},
	{"9112 7.1", "-5\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "+5\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "0x5\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "5g\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "0_5\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", " 5\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "5 \r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "5 ;a\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "5\x00\r\nhello\r\n0\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "5\r\nhello\r\n0x\r\n\r\n", ErrChunkSize},
	{"9112 7.1", "\r\n\r\n", ErrChunkSizeEmpty},
	{"9112 7.1", ";a=b\r\nhello\r\n0\r\n\r\n", ErrChunkSizeEmpty},
	{"9112 7.1", "10000000000000005\r\nhello\r\n0\r\n\r\n", ErrChunkSizeOverflow},
	{"9112 7.1", "8000000000000000\r\nhello", ErrChunkSizeOverflow},
	{"9112 7.1", "00000000000000005\r\nhello\r\n0\r\n\r\n", ErrChunkSizeOverflow},
	{"9112 7.1", "5\nhello\r\n0\r\n\r\n", ErrChunkBareLF},
	{"9112 7.1", "\nhello\r\n0\r\n\r\n", ErrChunkBareLF},
	{"9112 7.1", "5;\nhello\r\n0\r\n\r\n", ErrChunkBareLF},
	{"9112 7.1", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", ErrChunkBareLF},
	{"9112 7.1", "5;a=b\nhello\r\n0\r\n\r\n", ErrChunkBareLF},
	{"9112 7.1", "5\rXhello\r\n0\r\n\r\n", ErrChunkBareCR},
	{"9112 7.1", "5;a\rb\r\nhello\r\n0\r\n\r\n", ErrChunkBareCR},
	{"9112 7.1", "5\r\r\nhello\r\n0\r\n\r\n", ErrChunkBareCR},
	{"9112 7.1.1", "5;\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;;a\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;=b\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=;b\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a b=c\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a \r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=b c\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=b=c\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=b \r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\"\x00\"\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\"\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\"\\\x00\"\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=\x00\r\nhello\r\n0\r\n\r\n", ErrChunkExt},
	{"9112 7.1.1", "5;a=" + strings.Repeat("b", 5000) + "\r\nhello\r\n0\r\n\r\n", ErrChunkExtSize},
	{"9112 7.1.1", strings.Repeat("1;"+strings.Repeat("e", 60)+"\r\nx\r\n", 400) + "0\r\n\r\n", ErrChunkOverhead},
	{"9112 7.1", "4\r\nhello\r\n0\r\n\r\n", ErrChunkEnd},
	{"9112 7.1", "6\r\nhello\r\n0\r\n\r\n", ErrChunkEnd},
	{"9112 7.1", "5\r\nhello0\r\n\r\n", ErrChunkEnd},
	{"9112 7.1", "5\r\nhello\n0\r\n\r\n", ErrChunkEnd},
	{"9112 7.1", "5\r\nhello\rX0\r\n\r\n", ErrChunkEnd},
	{"9112 7.1.2", "0\r\ngarbage\r\n\r\n", ErrFieldColon},
	{"9112 7.1.2", "0\r\nX : y\r\n\r\n", ErrFieldNameSpace},
	{"9112 7.1.2", "0\r\nX: y\x00\r\n\r\n", ErrFieldValue},
	{"9112 7.1.2", "0\r\nX: y\r\n z\r\n\r\n", ErrObsFold},
	{"9112 7.1.2", "0\r\n X: y\r\n\r\n", ErrIndented},
	{"9112 7.1.2", "0\r\nX: y\n\r\n", ErrBareLF},
	{"9112 7.1.2", "0\r\n\n", ErrBareLF},
	{"9112 7.1.2", "0\r\n\rX\r\n", ErrBareCR},
	{"6585 5", "0\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n", ErrTrailerSize},
	{"6585 5", "0\r\n" + strings.Repeat("X: y\r\n", 5000) + "\r\n", ErrTrailerSize},
	{"9110 6.5.1", "0\r\nX: y\r\ncontent-length: 5\r\n\r\n", ErrTrailerForbidden},
	{"9110 6.5.1", "0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrTrailerForbidden},
	{"9110 6.5.1", "0\r\nHost: evil\r\n\r\n", ErrTrailerForbidden},
	{"9110 6.5.1", "0\r\nAuthorization: Basic eA==\r\n\r\n", ErrTrailerForbidden},
}

// A body that must be accepted, its data, and its trailer fields.
var goodBodies = []struct{ rfc, raw, want, trailer string }{
	{"9112 7.1", "0\r\n\r\n", "", ""},
	{"9112 7.1", "000\r\n\r\nnext", "", ""},
	{"9112 7.1", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", ""},
	{"9112 7.1", "A\r\n0123456789\r\na\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "0123456789\r\n\r\n\r\n\r\n\r\n", ""},
	{"9112 7.1", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", ""},
	{"9112 7.1.1", "5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello", ""},
	{"9112 7.1.1", "5;a=\"b;c\\\"\xff\t\";d=e;f\r\nhello\r\n0\r\n\r\n", "hello", ""},
	{"9112 7.1.1", "5; a = b ; c\t=\t\"\" ;d\r\nhello\r\n0\r\n\r\n", "hello", ""},
	{"9112 7.1.2", "5\r\nhello\r\n0\r\nX-T: v\r\nx-u:\t w \r\n\r\nnext", "hello", "X-T=v\nx-u=w\n"},
}

// decodeAll decodes b and what more brings whenever it is not enough; more returns false at the end. Each trailer field
// becomes a line name=value.
func decodeAll(c *Chunked, b []byte, more func() ([]byte, bool)) (data, trailer string, rest int, err error) {
	var out []byte
	for {
		d, n, err := c.Next(b)
		out = append(out, d...)
		switch {
		case err == nil && len(d) == 0:
			panic("neither data nor error")
		case err == Done:
			for _, f := range c.Trailer {
				trailer += string(f.Name.In(b)) + "=" + string(f.Value.In(b)) + "\n"
			}
			return string(out), trailer, len(b) - n, err
		case err == ErrNeedMore:
			add, ok := more()
			if !ok {
				return string(out), "", len(b) - n, err
			}
			b = append(append([]byte(nil), b[n:]...), add...)
		case err != nil:
			return string(out), "", 0, err
		default:
			b = b[n:]
		}
	}
}

func atOnce() ([]byte, bool) { return nil, false }

func TestChunkedRefused(t *testing.T) {
	for _, c := range badBodies {
		var d Chunked
		_, _, _, err := decodeAll(&d, []byte(c.raw), atOnce)
		require.Same(t, c.want, err, "%.60q (RFC %s)", c.raw, c.rfc)
		_, n, again := d.Next([]byte("0\r\n\r\n"))
		require.Same(t, c.want, again, "no resynchronisation")
		require.Zero(t, n)
	}
}

func TestChunkedAccepted(t *testing.T) {
	var d Chunked
	for _, c := range goodBodies {
		d.Reset()
		data, trailer, rest, err := decodeAll(&d, []byte(c.raw), atOnce)
		require.Equal(t, Done, err, "%q (RFC %s)", c.raw, c.rfc)
		require.Equal(t, c.want, data, "%q", c.raw)
		require.Equal(t, c.trailer, trailer, "%q", c.raw)
		require.Equal(t, len(c.raw)-strings.LastIndex(c.raw, "\r\n\r\n")-4, rest, "%q", c.raw)
		_, n, err := d.Next([]byte("x"))
		require.Equal(t, Done, err)
		require.Zero(t, n)
		_, _, err = d.Next(nil)
		require.Equal(t, Done, err)
	}
}

func TestChunkedLimits(t *testing.T) {
	run := func(l ChunkLimits, raw string) error {
		d := Chunked{Limits: l}
		_, _, _, err := decodeAll(&d, []byte(raw), atOnce)
		return err
	}
	require.Equal(t, Done, run(ChunkLimits{ExtBytesMax: 4}, "1;abc\r\nx\r\n0\r\n\r\n"))
	require.Equal(t, ErrChunkExtSize, run(ChunkLimits{ExtBytesMax: 3}, "1;abc\r\nx\r\n0\r\n\r\n"))
	require.Equal(t, Done, run(ChunkLimits{TrailerBytesMax: 8}, "0\r\nX: y\r\n\r\n"))
	require.Equal(t, ErrTrailerSize, run(ChunkLimits{TrailerBytesMax: 7}, "0\r\nX: y\r\n\r\n"))
	require.Equal(t, ErrTrailerSize, run(ChunkLimits{TrailerBytesMax: 7}, "0\r\nX: yyyyyyyy"))
	// One byte a chunk is honest streaming, for ever.
	require.Equal(t, Done, run(ChunkLimits{OverheadMax: 1}, strings.Repeat("1\r\nx\r\n", 100_000)+"0\r\n\r\n"))
	// Two bytes for the data, sixteen for the chunk: "1;", 14 letters, CR and the CRLF after the data come to just that.
	require.Equal(t, Done, run(ChunkLimits{OverheadMax: 1}, strings.Repeat("1;"+strings.Repeat("e", 14)+"\r\nx\r\n", 1000)+"0\r\n\r\n"))
	require.Equal(t, ErrChunkOverhead, run(ChunkLimits{OverheadMax: 1}, strings.Repeat("1;"+strings.Repeat("e", 15)+"\r\nx\r\n", 2)+"0\r\n\r\n"))
	// Data pays for extensions.
	require.Equal(t, Done, run(ChunkLimits{}, strings.Repeat("40;"+strings.Repeat("e", 60)+"\r\n"+strings.Repeat("x", 64)+"\r\n", 1000)+"0\r\n\r\n"))
}

func TestEncode(t *testing.T) {
	var b []byte
	for _, n := range []int{0, 1, 15, 16, 255, 256, 4095, 4096, 65536} {
		b = AppendChunk(b, []byte(strings.Repeat("z", n)))
	}
	require.True(t, strings.HasPrefix(string(b), "1\r\nz\r\nf\r\n"))
	b = append(b, LastChunk...)
	var d Chunked
	data, _, rest, err := decodeAll(&d, b, atOnce)
	require.Equal(t, Done, err)
	require.Zero(t, rest)
	require.Len(t, data, 1+15+16+255+256+4095+4096+65536)
	require.Equal(t, "7fffffffffffffff\r\n", string(AppendChunkHeader(nil, 1<<63-1)))
}

func TestChunkedNoAllocation(t *testing.T) {
	b := []byte("5;a=b\r\nhello\r\n0\r\nX: y\r\nZ: \t\r\n\r\n")
	d := Chunked{Trailer: make([]Field, 0, 4)}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		d.Reset()
		for rest := b; ; {
			_, n, err := d.Next(rest)
			if err == Done {
				return
			} else if err != nil {
				panic(err)
			}
			rest = rest[n:]
		}
	}))
}
