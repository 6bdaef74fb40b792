package proxy

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

// With the layer in between, which finds no header, a transport does all that one without it does.
func TestConformance(t *testing.T) {
	everybody := listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, Unix: true}
	l, lines := wrap(t, nothing{}, Config{Trusted: everybody, Optional: true, Timeout: 50 * time.Millisecond})
	newRunner := portable.New
	if runtime.GOOS == "linux" {
		newRunner = epoll.New
	}
	conformance.Run(t, func(o transport.Options) (transport.Runner, error) {
		o.NewSession = l.Layer(o.NewSession)
		return newRunner(o)
	})
	require.Empty(t, lines.lines())
}
