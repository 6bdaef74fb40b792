package native

import (
	"slices"

	"github.com/peregrine-http/peregrine/engine"
)

// extension is another protocol that a server speaks.
type extension struct {
	protos  []string
	prepare func(*engine.Server)
}

// Extend has the server speak another protocol beside HTTP/1: protos are its names, which are offered before all others in
// TLS's handshake, and prepare is called once, when the first Serve begins and the constant routes are ready, to set
// NextProto, Preface and Delegate of the engine that will serve; it must not use s. It is for packages like adapters/http2;
// of several calls the last one counts. Before the first Serve.
func (s *Server) Extend(protos []string, prepare func(*engine.Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extension = &extension{protos, prepare}
}

// offered returns what is offered in TLS's handshake: what the program wants to offer, and what the server speaks.
func (s *Server) offered(protos []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(protos) == 0 {
		protos = []string{"http/1.1"}
	}
	if s.extension == nil {
		return protos
	}
	var more []string
	for _, p := range s.extension.protos {
		if !slices.Contains(protos, p) {
			more = append(more, p)
		}
	}
	return append(more, protos...)
}
