package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// serveOptions are the flags of serve that concern a server. Those that it has no use for it refuses.
type serveOptions struct {
	loops     int
	transport string
}

// server is what can serve the application: Serve until Shutdown.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// servers are the names that -server takes, the base of comparisons first.
var servers = []struct {
	name string
	what string
	make func(http.Handler, serveOptions) (server, error)
}{
	{"net/http", "the standard library's http.Server", newStandard},
	{"adapter", "the same http.Handler on nethttp.Server", newAdapter},
}

func newStandard(h http.Handler, o serveOptions) (server, error) {
	if o.loops != 0 || o.transport != "" {
		return nil, fmt.Errorf("-loops and -transport mean nothing to net/http")
	}
	return &http.Server{Handler: h}, nil
}

func newAdapter(h http.Handler, o serveOptions) (server, error) {
	return &nethttp.Server{Handler: h, Loops: o.loops, Transport: o.transport}, nil
}

func newServer(name string, h http.Handler, o serveOptions) (server, error) {
	for _, s := range servers {
		if s.name == name {
			return s.make(h, o)
		}
	}
	return nil, fmt.Errorf("-server %q: want one of %s", name, strings.Join(serverNames(), ", "))
}

func serverNames() (names []string) {
	for _, s := range servers {
		names = append(names, s.name)
	}
	return names
}
