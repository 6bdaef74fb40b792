// Package radix maps the patterns of net/http 1.22 ("GET /users/{id}", "example.com/files/{path...}", "/{$}") to values,
// and finds the most specific one that matches a request, without allocating.
//
// A [Tree] is a prefix tree over the bytes of paths, one for each host, with the methods at its leaves. A lookup goes
// down it comparing runs of bytes: literals before {name}, {name} before {name...}. Where a branch turns out to be a
// dead end it goes back up to the nearest node with a less specific alternative. A path with percent-encoding is first
// rewritten so that each segment has one spelling, which is the spelling that the tree has.
//
// The invariant: of two patterns that match the same request, one matches everything that the other does and more, or
// has no host where the other has one. What would break it is refused by [Tree.Add]. For this reason the first match is
// the best one, and no lookup visits a node twice: its cost is bounded by the patterns, whatever the client sends.
//
// What matches, what conflicts, and what is redirected is judged by http.ServeMux, with two differences. Both are about
// empty segments, which only the uncleaned paths of CONNECT have. An empty segment of a pattern ("/a//b") matches an
// empty segment and nothing else; there it matches any, so that GET /a/x/b is found. And a {name} that matches an empty
// segment has an empty value; there it has none, and asking for it panics.
package radix
