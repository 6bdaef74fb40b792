package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

// library reads in as a stream, as those do who use the library alone, and says what is left of it.
func library(in []byte) (h *proxyproto.Header, rest []byte, err error) {
	r := bufio.NewReaderSize(bytes.NewReader(in), 1<<17)
	if h, err = proxyproto.Read(r); err != nil {
		return nil, nil, err
	}
	rest, err = io.ReadAll(r)
	return h, rest, err
}

// agree compares: what we take the library takes, and no other way; what it takes and we do not has one of the reasons that
// it does not know.
func agree(t *testing.T, in []byte) {
	o, n, err := judge(in)
	h, rest, libErr := library(in)
	switch {
	case err == nil && n > 0:
		require.NoError(t, libErr)
		require.Equal(t, in[n:], rest)
		require.Equal(t, h.Command.IsLocal(), !o.known())
		if remote, local, ok := h.TCPAddrs(); ok && o.known() {
			require.Equal(t, addrPort(remote), o.remote)
			require.Equal(t, addrPort(local), o.local)
		}
	case libErr == nil:
		require.True(t, errors.Is(err, errLength) || errors.Is(err, errChecksum) || errors.Is(err, errDatagram) ||
			errors.Is(err, errLong), "%v", err)
	}
}

func TestOracle(t *testing.T) {
	for _, c := range good {
		agree(t, []byte(c.header+"rest"))
	}
	for _, c := range bad {
		agree(t, []byte(c.in))
		agree(t, []byte(c.in+"rest"))
	}
}
