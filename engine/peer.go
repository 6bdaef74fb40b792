package engine

import (
	"net"
	"net/netip"
)

// RemoteAddrPort returns the peer's address as a value, made once; the zero value if the peer has no IP address. An
// IPv4 address is one, also on a socket for both versions. Any goroutine.
func (c *Conn) RemoteAddrPort() netip.AddrPort {
	if a := c.aside.Load(); a != nil && a.peer.IsValid() {
		return a.peer
	}
	tcp, ok := c.conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	peer := tcp.AddrPort()
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	c.change(func(a *aside) { a.peer = peer })
	return peer
}
