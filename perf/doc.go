// Package perf holds what the project promises about its cost, as tests, and what was measured, as files. It has no code.
//
// Budgets are counted, never timed: allocations for a request, bytes for a connection. The first are tests of the packages that
// keep them; here are those that only a whole server can break. README.md lists all, with the commands that measure time.
//
// Invariant: a budget has exactly one test, which fails when it is broken on the slowest and busiest machine as on any other.
package perf
