package main

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// serveOptions are the flags of serve that concern a server. The zero value of each leaves the choice to the server.
type serveOptions struct {
	loops     int
	transport string
	tls       bool
	identity  *identity // of a server with TLS
}

// add defines the flags.
func (o *serveOptions) add(fs flags) {
	fs.IntVar(&o.loops, "loops", 0, "event loops, 0 for one per CPU ("+takers("loops")+")")
	fs.StringVar(&o.transport, "transport", "", "`NAME` of the transport: epoll, portable, gnet, netpoll ("+takers("transport")+"; default: what fits)")
}

// flags lists the ones that were given, as a command line has them.
func (o serveOptions) flags() (given []serverFlag) {
	if o.loops != 0 {
		given = append(given, serverFlag{"loops", strconv.Itoa(o.loops)})
	}
	if o.transport != "" {
		given = append(given, serverFlag{"transport", o.transport})
	}
	if o.tls {
		given = append(given, serverFlag{"tls", "true"})
	}
	return given
}

// check refuses a flag that none of the named servers has a use for.
func (o serveOptions) check(names []string) error {
	for _, f := range o.flags() {
		if !slices.ContainsFunc(names, func(name string) bool {
			c, _ := candidateNamed(name)
			return slices.Contains(c.takes, f.name)
		}) {
			return usageError("-%s means nothing to %s", f.name, strings.Join(names, ", "))
		}
	}
	return nil
}

type serverFlag struct{ name, value string }

// serveArgs is what starts a server as another process of this program that takes commands, at a free port. Of o it has what the
// server has a use for.
func serveArgs(name string, o serveOptions) []string {
	args := []string{"serve", "-control", "-server", name, "-addr", "127.0.0.1:0"}
	c, _ := candidateNamed(name)
	for _, f := range o.flags() {
		if slices.Contains(c.takes, f.name) {
			args = append(args, "-"+f.name+"="+f.value)
		}
	}
	return args
}

// server is what can serve the application: Serve until Shutdown, which ends its connections. What Serve returns after
// that says nothing.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// candidate is a server that -server names. Each has the kind of handler that its users write; what they share is what they
// answer. files is the directory behind /static/.
type candidate struct {
	name, what string
	takes      []string // the flags of serveOptions that mean something to it; given another one it does not start
	raw        bool     // it reads no request: whatever is asked, the answer is that to /plaintext
	whole      bool     // it reads a whole body before it answers: its echo does not stream
	sockets    socketUse
	make       func(files string, o serveOptions) (server, error)
}

// servers are the names that -server takes, the base of comparisons first.
var servers = []candidate{
	{"net/http", "the standard library's http.Server, with gorilla/websocket", []string{"tls"}, false, false, socketsToo, newStandard},
	{"native", "native handlers on native.Server", []string{"loops", "transport", "tls"}, false, false, socketsToo, newNative},
	{"adapter", "the same http.Handler on nethttp.Server", []string{"loops", "transport", "tls"}, false, false, socketsToo, newAdapter},
	{"fasthttp", "valyala/fasthttp", []string{"tls"}, false, false, socketsNone, newFasthttp},
	{"hertz", "cloudwego/hertz on netpoll, with TLS on goroutines", []string{"loops", "tls"}, false, false, socketsNone, newHertz},
	{"nbio", "lesismal/nbio; it reads a whole body before it answers, so its echo does not stream", []string{"loops", "tls"}, false, true, socketsToo, newNbio},
	{"gws", "lxzan/gws on net/http, WebSockets only", nil, false, false, socketsOnly, newGws},
	{"gobwas", "gobwas/ws with easygo's netpoll, WebSockets only", nil, false, false, socketsOnly, newGobwas},
	{"coder", "coder/websocket on net/http, WebSockets only", nil, false, false, socketsOnly, newCoder},
	{"floor", "our poller without parsing: the same answer to everything", []string{"loops"}, true, false, socketsNone, newFloor},
	{"gnet-raw", "gnet's loops without parsing", []string{"loops"}, true, false, socketsNone, newGnetRaw},
	{"netpoll-raw", "netpoll's loops without parsing", []string{"loops"}, true, false, socketsNone, newNetpollRaw},
}

func newStandard(files string, o serveOptions) (server, error) {
	s := onStandard(application(files), gorillaSockets)
	var err error
	s.TLSConfig, err = o.identity.config()
	return s, err
}

func newAdapter(files string, o serveOptions) (server, error) {
	mux := application(files)
	adapterSockets(mux)
	config, err := o.identity.config()
	return &nethttp.Server{Handler: mux, Loops: o.loops, Transport: o.transport, TLSConfig: config}, err
}

func newServer(name, files string, o serveOptions) (server, error) {
	c, ok := candidateNamed(name)
	if !ok {
		return nil, fmt.Errorf("-server %q: want one of %s", name, strings.Join(serverNames(), ", "))
	}
	if err := o.check([]string{name}); err != nil {
		return nil, err
	}
	if !o.tls {
		return c.make(files, o)
	}
	var err error
	if o.identity, err = newIdentity(); err != nil {
		return nil, err
	}
	config, err := o.identity.config()
	if err != nil {
		return nil, err
	}
	s, err := c.make(files, o)
	switch s.(type) {
	case *hertzServer, *nbioServer: // which have been given the certificate
		return s, err
	}
	return overTLS{s, config}, err
}

func candidateNamed(name string) (candidate, bool) {
	for _, c := range servers {
		if c.name == name {
			return c, true
		}
	}
	return candidate{}, false
}

func serverNames() (names []string) {
	for _, s := range servers {
		names = append(names, s.name)
	}
	return names
}

// available are the names of the servers that run on this system.
func available() (names []string) {
	for _, s := range servers {
		if runtime.GOOS == "linux" || !s.raw && s.name != "gobwas" {
			names = append(names, s.name)
		}
	}
	return names
}

// takers names the servers that a flag means something to.
func takers(flag string) string {
	var names []string
	for _, s := range servers {
		if slices.Contains(s.takes, flag) {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ", ")
}
