package load

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Records may arrive cut anywhere; a loop must get the same response from them, and no error while it waits.
func TestSecuredEveryCut(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the client leaves in the middle
	s.StartTLS()
	defer s.Close()
	r, err := NewRequest("GET", s.URL, nil, nil)
	require.NoError(t, err)
	r.Want.Body = []byte("hello")
	g := NewGroup("", 1, 1, r)
	for cut := 0; ; cut++ {
		conn, err := r.dial(t.Context(), 10*time.Second)
		require.NoError(t, err)
		c := loopConn{client: newClient(g, NewTally(), make([]memo, 1), 0)}
		l := &loop{run: &Run{}, plain: make([]byte, readBytes)}
		fd, tls, err := take(conn)
		require.NoError(t, err)
		c.tls = tls
		raw := fileConn(t, fd)
		_, err = raw.Write(c.outgoing(c.send(0, 0)))
		require.NoError(t, err)

		want, at := wantRead, 0
		buf := make([]byte, readBytes)
		for want == wantRead {
			n, err := raw.Read(buf)
			require.NoError(t, err)
			if first := cut - at; 0 < first && first < n {
				require.Equal(t, wantRead, l.arrived(&c, buf[:first], 0))
				want = l.arrived(&c, buf[first:n], 0)
			} else {
				want = l.arrived(&c, buf[:n], 0)
			}
			at += n
		}
		raw.Close()
		require.Equal(t, wantSend, want)
		require.Empty(t, c.tally.Failed())
		if cut >= at {
			return
		}
	}
}

// fileConn is a connection with a descriptor of its own for what fd names, which is closed.
func fileConn(t *testing.T, fd int) net.Conn {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	conn, err := net.FileConn(f)
	require.NoError(t, err)
	return conn
}
