package compress

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
)

var errFull = errors.New("full")

// An encoder whose writer fails says so, and is none the worse for the next response.
func TestEncoderFails(t *testing.T) {
	c := newGzip(5)
	e := c.get()
	e.w.Reset(failing{})
	_, err := e.append(nil, []byte(text(1<<20)), true)
	require.ErrorIs(t, err, errFull)
	c.put(e)
	e = c.get()
	out, err := e.append([]byte("before"), []byte("x"), false)
	require.NoError(t, err)
	out, err = e.end(out)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(out[len("before"):]))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
