package servers

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
)

// Options are the flags of serve that concern a server. The zero value of each leaves the choice to the server.
type Options struct {
	Loops     int       // event loops
	Transport string    // by name
	TLS       bool      // with a certificate made for the occasion
	identity  *identity // of a server with TLS
}

// Add defines the flags.
func (o *Options) Add(fs command.Flags) {
	fs.IntVar(&o.Loops, "loops", 0, "event loops, 0 for one per CPU ("+takers("loops")+")")
	fs.StringVar(&o.Transport, "transport", "", "`NAME` of the transport: epoll, portable, gnet, netpoll ("+takers("transport")+"; default: what fits)")
}

// flags lists the ones that were given, as a command line has them.
func (o Options) flags() (given []serverFlag) {
	if o.Loops != 0 {
		given = append(given, serverFlag{"loops", strconv.Itoa(o.Loops)})
	}
	if o.Transport != "" {
		given = append(given, serverFlag{"transport", o.Transport})
	}
	if o.TLS {
		given = append(given, serverFlag{"tls", "true"})
	}
	return given
}

// Check refuses a flag that none of the named servers has a use for.
func (o Options) Check(names []string) error {
	for _, f := range o.flags() {
		if !slices.ContainsFunc(names, func(name string) bool {
			c, _ := Named(name)
			return slices.Contains(c.Takes, f.name)
		}) {
			return command.UsageError("-%s means nothing to %s", f.name, strings.Join(names, ", "))
		}
	}
	return nil
}

type serverFlag struct{ name, value string }

// CommandLine is what starts a server as another process of this program that takes commands, at a free port. Of o it has what
// the server has a use for.
func CommandLine(name string, o Options) []string {
	args := []string{"serve", "-control", "-server", name, "-addr", "127.0.0.1:0"}
	c, _ := Named(name)
	for _, f := range o.flags() {
		if slices.Contains(c.Takes, f.name) {
			args = append(args, "-"+f.name+"="+f.value)
		}
	}
	return args
}

// Server is what can serve the application: Serve until Shutdown, which ends its connections. What Serve returns after
// that says nothing.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// Candidate is a server that -server names. Each has the kind of handler that its users write; what they share is what they
// answer.
type Candidate struct {
	Name, What string
	Takes      []string // the flags of Options that mean something to it; given another one it does not start
	Raw        bool     // it reads no request: whatever is asked, the answer is that to /plaintext
	Whole      bool     // it reads a whole body before it answers: its echo does not stream
	Sockets    SocketUse
	make       func(files string, o Options) (Server, error)
}

// All are the names that -server takes, the base of comparisons first.
var All = []Candidate{
	{"net/http", "the standard library's http.Server, with gorilla/websocket", []string{"tls"}, false, false, SocketsToo, newStandard},
	{"native", "native handlers on native.Server", []string{"loops", "transport", "tls"}, false, false, SocketsToo, newNative},
	{"adapter", "the same http.Handler on nethttp.Server", []string{"loops", "transport", "tls"}, false, false, SocketsToo, newAdapter},
	{"fasthttp", "valyala/fasthttp", []string{"tls"}, false, false, SocketsNone, newFasthttp},
	{"hertz", "cloudwego/hertz on netpoll, with TLS on goroutines", []string{"loops", "tls"}, false, false, SocketsNone, newHertz},
	{"nbio", "lesismal/nbio; it reads a whole body before it answers, so its echo does not stream", []string{"loops", "tls"}, false, true, SocketsToo, newNbio},
	{"gws", "lxzan/gws on net/http, WebSockets only", nil, false, false, SocketsOnly, newGws},
	{"gobwas", "gobwas/ws with easygo's netpoll, WebSockets only", nil, false, false, SocketsOnly, newGobwas},
	{"coder", "coder/websocket on net/http, WebSockets only", nil, false, false, SocketsOnly, newCoder},
	{"floor", "our poller without parsing: the same answer to everything", []string{"loops"}, true, false, SocketsNone, newFloor},
	{"gnet-raw", "gnet's loops without parsing", []string{"loops"}, true, false, SocketsNone, newGnetRaw},
	{"netpoll-raw", "netpoll's loops without parsing", []string{"loops"}, true, false, SocketsNone, newNetpollRaw},
}

func newStandard(files string, o Options) (Server, error) {
	s := onStandard(application(files), gorillaSockets)
	var err error
	s.TLSConfig, err = o.identity.config()
	return s, err
}

func newAdapter(files string, o Options) (Server, error) {
	mux := application(files)
	adapterSockets(mux)
	config, err := o.identity.config()
	return &nethttp.Server{Handler: mux, Loops: o.Loops, Transport: o.Transport, TLSConfig: config}, err
}

// New makes the named server. files is the directory behind /static/, as MakeFiles makes it; the server must not outlive it.
func New(name, files string, o Options) (Server, error) {
	c, ok := Named(name)
	if !ok {
		return nil, fmt.Errorf("-server %q: want one of %s", name, strings.Join(Names(), ", "))
	}
	if err := o.Check([]string{name}); err != nil {
		return nil, err
	}
	if !o.TLS {
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

// Named is the candidate of that name.
func Named(name string) (Candidate, bool) {
	for _, c := range All {
		if c.Name == name {
			return c, true
		}
	}
	return Candidate{}, false
}

// Names are those of All.
func Names() (names []string) {
	for _, s := range All {
		names = append(names, s.Name)
	}
	return names
}

// Available are the names of the servers that run on this system.
func Available() (names []string) {
	for _, s := range All {
		if runtime.GOOS == "linux" || !s.Raw && s.Name != "gobwas" {
			names = append(names, s.Name)
		}
	}
	return names
}

// takers names the servers that a flag means something to.
func takers(flag string) string {
	var names []string
	for _, s := range All {
		if slices.Contains(s.Takes, flag) {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}
