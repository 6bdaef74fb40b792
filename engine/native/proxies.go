package native

import (
	"fmt"

	"github.com/peregrine-http/peregrine/engine/listen"
)

// Proxies says whose word Request.ClientAddr, ClientScheme and ClientHost take. The zero value, which is the default, is
// nobody's: the client is who has connected.
//
// Whoever is trusted can pretend to be anybody. So there are two things to see to: that Trusted has no more than the proxies,
// and that each of these writes the fields that Fields names on every request, by adding to the lists and by replacing
// what is no list. Other fields of this kind are not looked at, since a proxy that does not know them
// passes on what a client has put there.
type Proxies struct {
	// Trusted are the proxies.
	Trusted listen.Peers
	// Fields are what they write. Default XForwarded.
	Fields ProxyFields
}

// ProxyFields are fields of a request in which proxies say where it comes from.
type ProxyFields uint8

const (
	// XForwarded are X-Forwarded-For, which is a list of addresses, X-Forwarded-Proto and X-Forwarded-Host. Of the latter
	// two the last value counts, which is one of a trusted proxy, whatever a client has sent.
	XForwarded ProxyFields = iota
	// Forwarded is the field of that name (RFC 7239), a list with the parameters for, proto and host.
	Forwarded
	// XRealIP is X-Real-IP, which is the client's address, with X-Forwarded-Proto and X-Forwarded-Host.
	XRealIP
)

func (p *Proxies) check() error {
	if err := p.Trusted.Check(); err != nil {
		return fmt.Errorf("native: Server.Proxies.Trusted: %w", err)
	}
	if p.Fields > XRealIP {
		return fmt.Errorf("native: Server.Proxies.Fields is %d: want XForwarded, Forwarded or XRealIP", p.Fields)
	}
	return nil
}
