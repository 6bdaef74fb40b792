// Package epoll serves connections from epoll loops whose goroutines hand over a baton.
//
// A loop is not a goroutine. It is a table of connections, a poller, a mailbox and a timer wheel, and a baton that one
// goroutine at a time holds: the holder waits for events, reads, and runs sessions, handlers included, inline. A
// monitor watches: a handler that has not returned after one to two milliseconds has its baton taken, and a spare
// goroutine continues the same loop where it stood, with the remaining events of the batch. The handler's goroutine
// goes on undisturbed; its connection is lent to it, and it does its own reading and writing from then on. When
// it is done it gives the connection back and joins the spares. Whoever needs the socket in the middle of a handler
// (body bytes that have not come, output that must leave now, Hijack) gives the baton up first. Routes whose handlers
// lost the baton are remembered, and start on a goroutine of their own until they have proved fast again.
//
// Reading order: loop.go (a turn), conn.go (fields, owners, states), baton.go (the four ways a baton moves),
// lent.go (a connection away from its loop).
//
// Invariant: a connection's state is changed by the holder of its loop's baton, or, while its word says lent, by the
// goroutine it was lent to; the word itself is atomic and is all that the two share.
package epoll
