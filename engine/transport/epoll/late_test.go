package epoll_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestContextOutlivesConnection: a request's context may be kept for as long as one likes. What it says about the
// connection stays true when the connection's slot and descriptor are somebody else's.
func TestContextOutlivesConnection(t *testing.T) {
	contexts := make(chan context.Context, 1)
	s := serve(t, map[string]http.HandlerFunc{"/keep": func(w http.ResponseWriter, r *http.Request) {
		contexts <- r.Context()
	}})
	l, elsewhere := listen(t)
	defer l.Close()
	for round := range 10 {
		c := s.dial(t)
		c.send(get("/keep"))
		require.Empty(t, c.answer())
		kept := await(t, contexts, "the context")
		c.send("GET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		c.answer()
		require.Empty(t, c.ends())
		if round%2 == 0 {
			s.dial(t).served(1) // takes the slot
		}
		for range 8 { // one of them takes the descriptor's number
			other, err := net.Dial("tcp", elsewhere)
			require.NoError(t, err)
			defer other.Close()
		}
		require.Equal(t, s.addr, kept.Value(http.LocalAddrContextKey).(net.Addr).String())
	}
}
