package netpoll

import "github.com/peregrine-http/peregrine/engine"

func init() { engine.RegisterTransport("netpoll", New) }
