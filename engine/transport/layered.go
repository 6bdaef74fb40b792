package transport

import "net"

// Layered is a listener whose connections have something of their own before or around what sessions speak: the header
// of the PROXY protocol, say. Its Accept does that work on a net.Conn, for any server. A server that has transports
// accepts from Beneath instead and has the work done by a session around its own, so that the connections stay on
// the loops.
type Layered interface {
	net.Listener
	// Beneath returns the listener that the connections come from. Closing either closes it.
	Beneath() net.Listener
	// Layer returns what makes a connection's outer session, given what makes the inner one. It is called when serving
	// begins, the result for every connection, by the rules of Options.NewSession. The inner session is made by the owner
	// of the connection, at the latest before the first byte for it; the Conn it gets may say another address than the
	// transport's. What the inner session may be besides (Successor, Parting), the outer one passes on.
	Layer(next func(Conn) Session) func(Conn) Session
}

// Bottom returns the listener beneath all layers of l, which is l itself if it has none.
func Bottom(l net.Listener) net.Listener {
	for {
		layered, ok := l.(Layered)
		if !ok {
			return l
		}
		l = layered.Beneath()
	}
}

// Layers puts all layers of l around the sessions that next makes, that of l itself innermost.
func Layers(l net.Listener, next func(Conn) Session) func(Conn) Session {
	for {
		layered, ok := l.(Layered)
		if !ok {
			return next
		}
		next = layered.Layer(next)
		l = layered.Beneath()
	}
}
