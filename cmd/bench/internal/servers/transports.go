package servers

// The transports that bench serve -transport knows besides those that are always there.
import (
	_ "github.com/peregrine-http/peregrine/engine/transport/gnet"
	_ "github.com/peregrine-http/peregrine/engine/transport/netpoll"
)
