package native

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
)

func TestOffered(t *testing.T) {
	for _, tt := range []struct{ more, program, want []string }{
		{nil, nil, []string{"http/1.1"}},
		{nil, []string{"x"}, []string{"x"}},
		{[]string{"h2"}, nil, []string{"h2", "http/1.1"}},
		{[]string{"h2"}, []string{"http/1.1"}, []string{"h2", "http/1.1"}},
		{[]string{"h2"}, []string{"http/1.1", "h2"}, []string{"http/1.1", "h2"}},
		{[]string{"a", "b"}, []string{"b", "c"}, []string{"a", "b", "c"}},
	} {
		s := new(Server)
		if tt.more != nil {
			s.Extend(tt.more, nil)
		}
		program := append([]string(nil), tt.program...)
		require.Equal(t, tt.want, s.offered(program))
		require.Equal(t, tt.program, program)
	}
}

// An extension sees the engine once, before anything is accepted.
func TestExtend(t *testing.T) {
	s := &Server{Router: NewRouter(), TLSConfig: new(tls.Config)}
	calls := 0
	s.Extend([]string{"x"}, func(*engine.Server) { t.Error("the last one counts") })
	s.Extend([]string{"x"}, func(eng *engine.Server) {
		calls++
		require.NotNil(t, eng.Handler)
	})
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		l.Close()
		require.Error(t, s.Serve(l))
	}
	require.Equal(t, 1, calls)
	require.NoError(t, s.Shutdown(context.Background()))
}
