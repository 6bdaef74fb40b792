package listen

import (
	"fmt"
	"net"
	"net/netip"
)

// Peers are those whose word is taken about where a connection or a request comes from. The zero value is nobody.
type Peers struct {
	// Prefixes are the addresses of proxies: as few as there are, for whoever has one of them can pretend to be anybody.
	// Those of IPv4 are written as such, and also meant for peers that come as IPv4-mapped ones. A zone does not count.
	Prefixes []netip.Prefix
	// Unix stands for all peers of Unix sockets: whoever may connect to those.
	Unix bool
}

// Check says which prefix is not one.
func (p Peers) Check() error {
	for _, prefix := range p.Prefixes {
		switch {
		case !prefix.IsValid():
			return fmt.Errorf("%v: want a prefix like 10.0.0.0/8 or 2001:db8::/32", prefix)
		case prefix.Addr().Is4In6():
			return fmt.Errorf("%v is an IPv4-mapped one: write it as IPv4", prefix)
		}
	}
	return nil
}

// None reports whether there is nobody.
func (p Peers) None() bool { return len(p.Prefixes) == 0 && !p.Unix }

// Has reports whether ip is one of Prefixes.
func (p Peers) Has(ip netip.Addr) bool {
	ip = ip.Unmap()
	if ip.Zone() != "" {
		ip = ip.WithZone("")
	}
	for _, prefix := range p.Prefixes {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// HasPeer is Has for the address of a connection.
func (p Peers) HasPeer(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return p.Has(a.AddrPort().Addr())
	case *net.UnixAddr:
		return p.Unix
	}
	return false
}
