package engine

import (
	"net"
	"net/netip"
)

// RemoteAddr returns the peer's address; never nil. Any goroutine, any time; but when the connection has ended it is an
// address of nobody, unless the connection has a NetConn, or has been asked before.
func (c *Conn) RemoteAddr() net.Addr {
	if c.sv.loops {
		if peer := c.RemoteAddrPort(); peer.IsValid() {
			return net.TCPAddrFromAddrPort(peer)
		}
	}
	return c.askPeer()
}

// askPeer asks whoever knows: the transport, but a loop's only as long as it means this connection.
func (c *Conn) askPeer() net.Addr {
	if !c.sv.loops { // the transport's is no other's later, and may have to wait for the answer
		return c.conn.RemoteAddr()
	}
	c.sv.closing.RLock()
	defer c.sv.closing.RUnlock()
	if c.marks.Load()&markClosed == 0 {
		return c.conn.RemoteAddr()
	}
	if a := c.aside.Load(); a != nil {
		switch {
		case a.peer.IsValid():
			return net.TCPAddrFromAddrPort(a.peer)
		case a.nc != nil:
			return a.nc.RemoteAddr()
		}
	}
	return new(net.TCPAddr)
}

// Remote returns RemoteAddr().String(), made once. Any goroutine, any time.
func (c *Conn) Remote() string {
	if a := c.aside.Load(); a != nil && a.remote != "" {
		return a.remote
	}
	addr := c.askPeer()
	text, peer := addr.String(), addrPort(addr)
	c.change(func(a *aside) { a.remote, a.peer = text, peer })
	return text
}

// RemoteAddrPort returns the peer's address as a value, made once; the zero value if the peer has no IP address. An
// IPv4 address is one, also on a socket for both versions. Any goroutine, any time, as RemoteAddr.
func (c *Conn) RemoteAddrPort() netip.AddrPort {
	if a := c.aside.Load(); a != nil && a.peer.IsValid() {
		return a.peer
	}
	peer := addrPort(c.askPeer())
	if peer.IsValid() {
		c.change(func(a *aside) { a.peer = peer })
	}
	return peer
}

func addrPort(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	peer := tcp.AddrPort()
	return netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
}
