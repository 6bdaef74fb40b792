package engine

import (
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

// open gives sv the transport that Server.Transport and the listener ask for.
func (s *Server) open(sv *serving) (err error) {
	o := transport.Options{Loops: s.Loops, NetConns: s.NetConns, NewSession: sv.open, Logf: s.Logf}
	sv.runner, err = portable.New(o)
	return err
}
