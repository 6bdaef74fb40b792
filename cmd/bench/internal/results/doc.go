// Package results is what a comparison measured: the metrics, their statistics over rounds, and the file that it is kept in.
//
// A round of a server is a Sample. Over rounds a metric has a median, a spread and a ratio to the base's, made of the rounds'
// ratios; a ratio that the spread swallows is marked and has no value. Run is the file, as JSON.
//
// Invariant: what Read returns has a name and a sane number everywhere, wherever the file came from.
package results
