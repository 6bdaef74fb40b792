// Package compare is the command that measures servers side by side.
//
// It starts each server in a process of its own, pinned apart from the load, and goes through the scenarios: every server in
// turn, in rounds, forwards and backwards, so that what the machine does meanwhile cancels. Of each round it keeps what the
// load saw and what the server's process used; at the end it prints medians and ratios, and writes them as results.
//
// Invariant: a server that answered wrongly, or died, has no figures in that scenario, and the exit code is not zero.
package compare
