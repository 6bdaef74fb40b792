// Package load is the load generator: it sends the requests of groups of connections to one server, in closed or open loops,
// and checks every byte of what comes back. It is also the command that does so by URL.
//
// A Run opens the connections and gives them to drivers: event loops where there are any, a goroutine for each connection
// elsewhere. A driver moves bytes; a client, without I/O, says what to send next and has a checker judge what has arrived; a
// tally counts. An open loop's schedule says when requests are due, whatever the server does. WebSockets and TLS go the same
// way.
//
// Invariant: a response counts only after its status, its length and every byte of its body have been checked.
package load
