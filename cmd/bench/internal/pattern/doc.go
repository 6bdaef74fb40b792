// Package pattern has the bytes that bodies, files and messages are made of: letters that go round by 23, which divides no
// length that a buffer has. So a piece that is lost, doubled or moved changes what follows.
//
// Invariant: what a server makes of n bytes and what a load expects of them come from here, and are equal.
package pattern
