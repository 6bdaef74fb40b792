// Package conformance is the suite that every transport passes: real sockets, engine's connections on top, a raw client
// below. Run is called from a transport's own tests.
//
// It asks what a peer or a handler can see: framing and order, streaming both ways, what stops whom, deadlines, who
// learns of a peer that left, hijacked connections, those that go over to another protocol, and how it all ends. Nothing in
// it depends on how long something takes, only on whether it happens: what never happens fails by patience.
package conformance

import (
	"testing"
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// NewRunner is a transport's constructor.
type NewRunner func(transport.Options) (transport.Runner, error)

// patience is how long a thing that must happen may take on a busy machine.
const patience = 20 * time.Second

// Lack is something that a transport says it cannot do. The suite then asks for what its documentation promises instead.
type Lack string

// NoSocket: a hijacked connection is a net.Conn, but no *net.TCPConn or *net.UnixConn.
const NoSocket Lack = "no socket of package net"

// NoPause: input is taken also while nobody reads it. A peer that sends too much is cut instead of being made to wait.
const NoPause Lack = "no pause in reading"

// Run runs the suite against a transport, over TCP and over Unix sockets.
func Run(t *testing.T, newRunner NewRunner, lacks ...Lack) {
	run(t, newRunner, nil, lacks, "tcp", "unix")
}

// RunTLS is Run with TLS above the transport, over TCP: to TLS all sockets are the same.
func RunTLS(t *testing.T, newRunner NewRunner, lacks ...Lack) {
	run(t, newRunner, newIdentity(t), lacks, "tcp")
}

func run(t *testing.T, newRunner NewRunner, id *identity, lacks []Lack, networks ...string) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			s := suite{network, newRunner, id, lacks}
			t.Run("framing", s.framing)
			t.Run("streaming", s.streaming)
			t.Run("deadlines", s.deadlines)
			t.Run("disconnect", s.disconnect)
			t.Run("endings", s.endings)
			t.Run("hijack", s.hijack)
			t.Run("duplex", s.duplex)
			t.Run("isolation", s.isolation)
			t.Run("shutdown", s.shutdown)
			t.Run("connection", s.connection)
		})
	}
}

type suite struct {
	network   string
	newRunner NewRunner
	identity  *identity // nil: without TLS
	lacks     []Lack
}
