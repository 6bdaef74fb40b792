//go:build race

package benchtest

// Race is whether the race detector watches.
const Race = true
