// Package proxy listens behind a load balancer that speaks the PROXY protocol, version 1 or 2: each connection begins with
// a header that says whose connection it is.
//
//	l, err := proxy.New(tcp, proxy.Config{Trusted: listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}})
//	err = srv.Serve(l)
//
// Servers on package engine take the listener apart (transport.Layered): on their loops a session waits for the header at the
// front of the input, without a goroutine and for at most Config.Timeout, and then passes the rest of the same input to
// the session that it has made for the connection as the header describes it. TLS, if there is any, comes above. Any other
// server, net/http's for one, calls Accept and gets connections that read their header by themselves, when they are first
// read from or asked for an address.
//
// The headers are read by github.com/pires/go-proxyproto; here is found where they end, so that no byte of the connection
// is taken by mistake, and that none is waited for in vain. Of version 2, the values that follow the addresses are ignored,
// but for the checksum, which must be right if it is there. A header without addresses (LOCAL, UNKNOWN), which proxies send
// on connections of their own, leaves those of the connection.
//
// A header lets its sender pretend to be anybody. So it is taken from Config.Trusted alone, and from nobody by
// default, which New refuses. A connection whose header is malformed, missing, late, or not the peer's to send is closed,
// with a line in the log; of many such lines a few are written, and how many are missing.
//
// Invariant: no byte reaches a session before the header of its connection has been judged.
package proxy
