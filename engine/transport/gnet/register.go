package gnet

import "github.com/peregrine-http/peregrine/engine"

func init() { engine.RegisterTransport("gnet", New) }
