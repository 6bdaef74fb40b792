package engine

import (
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

func (s *Server) options(sv *serving) transport.Options {
	return transport.Options{Loops: s.Loops, NetConns: s.NetConns, NewSession: sv.open, Logf: s.Logf}
}

// newRunner makes the transport that Server.Transport and the listener ask for.
func (s *Server) newRunner(sv *serving) (transport.Runner, error) {
	return portable.New(s.options(sv))
}
