// Package guest makes a net.Conn of a connection that lives on the event loop of another library.
//
// The library watches the socket and reads from it; what it has read is delivered here, and whoever calls Read gets it. A
// connection between two requests rests: it has no goroutine, and the loop starts one when there is input. Everything
// that has to wait for something else than input (for room in the socket, with a deadline) happens ashore: on a second
// descriptor of the same socket, in the poller of Go's runtime, where deadlines, sendfile(2) and half-closed connections
// work. So does the rest of a connection that the library has given up because its peer has ended its side, and
// the reading of one that sends faster than its handler reads, if the library can let go of it.
//
// Sessions are run by the portable transport, which this package gives such connections to.
//
// Invariant: the descriptor of the library is used under Conn.fdMu only, and Left, which the library's loop calls before
// it closes the descriptor, takes that lock: what is sent never goes to a later connection of the same number.
package guest
