package proxy

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// connBytesMax is what the layer may keep of a connection, in bytes, as long as that lives.
const connBytesMax = 128

// silent is a session that allocates nothing.
type silent struct{ transport.Session }

func (silent) Run(t *transport.Turn) transport.Next {
	t.In = t.In[len(t.In):]
	return transport.Read
}

func layered(t testing.TB) func(transport.Conn) transport.Session {
	l, _ := wrap(t, nothing{}, Config{Trusted: loopback})
	return l.Layer(func(transport.Conn) transport.Session { return silent{} })
}

func TestRequestsCostNothing(t *testing.T) {
	s := layered(t)(&plain{peer: local})
	turn := transport.Turn{In: []byte(header1)}
	require.Equal(t, transport.Read, s.Run(&turn))
	in := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		turn.In = in
		s.Run(&turn)
		s.Idle()
	}))
}

func (silent) Idle() bool { return true }

func TestConnectionsCostLittle(t *testing.T) {
	const conns = 20_000
	open := layered(t)
	conn := &plain{peer: local}
	live := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	turn := transport.Turn{In: []byte(header1)}
	open(conn).Run(&turn) // fills the pools
	sessions := make([]transport.Session, conns)
	before := live()
	for i := range sessions {
		sessions[i] = open(conn)
		turn.In = []byte(header1)
		sessions[i].Run(&turn)
	}
	each := float64(live()-before) / conns
	t.Logf("%.1f bytes a connection", each)
	require.Less(t, each, float64(connBytesMax)+4)
	runtime.KeepAlive(sessions)
}
