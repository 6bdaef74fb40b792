package proxy_test

import (
	_ "github.com/peregrine-http/peregrine/engine/transport/gnet"
	_ "github.com/peregrine-http/peregrine/engine/transport/netpoll"
)
