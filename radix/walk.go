package radix

// The hard case: of the patterns
//
//	/a/b/z
//	/a/{x}/c
//	/{rest...}
//
// the path /a/b/c goes down to the z of the first before it is known to be wrong, and must then try the second, and for
// /a/b/d the third. Going back up needs no stack: a node has its parent, the length of its run is known, and that of
// a wildcard is the span that was noted for it.

// walk returns the most specific route below n that matches method and path, which is in its one spelling. Besides the spans of wildcards it notes in m:
//   - what there is for path + "/", if exactly that is in the tree, for the redirect to it;
//   - whether the route was found by a {name...} that is more than nothing, since only then there is such a redirect;
//   - whether other methods would have found something.
func walk[S text](m *Match, n *node, method method, path S) (r *route) {
	size := len(path)
	tail := lastWord(path)
	i := 0 // where the run of n begins, and further down, where it ends
	var end, k int
	var w uint64
	var c *node

run:
	// No call, and nothing kept for after one: this is where most of the time goes.
	end = i + len(n.prefix)
	if end > size {
		goto short
	}
	if w = tail >> uint(8*(i+wordSize-size)&63); i+wordSize <= size {
		w = load(path[i : i+wordSize])
	}
	if (w^n.head)<<(n.unused&63) != 0 {
		goto up
	}
	for k = wordSize; k < len(n.prefix); k++ {
		if path[i+k] != n.prefix[k] {
			goto up
		}
	}
	i = end

reached:
	if i == size {
		if r = m.pick(&n.here, method); r != nil {
			return r
		}
		if c = n.child('/'); c != nil && c.prefix == "/" && path[i-1] != '/' {
			m.pickSlashed(c, method)
		}
		goto below
	}
	if c = n.child(path[i]); c != nil {
		n = c
		goto run
	}

wild:
	if n.wild != nil {
		end = segmentEnd(path, i)
		if string(path[i:end]) != "%2F" {
			m.push(i, end)
			n, i = n.wild, end
			goto reached
		}
	}

below:
	if !n.below.empty() {
		if r = m.pick(&n.below, method); r != nil {
			if r.last().text != "" {
				m.push(i, size)
			}
			m.inexact = i < size
			return r
		}
	}
	i -= len(n.prefix)

up:
	if n.parent == nil {
		return nil
	}
	if n.isWild {
		n = n.parent
		i = m.pop()
		goto below
	}
	n = n.parent
	goto wild

short:
	if end == size+1 && isSlashMissing(n.prefix, path[i:]) && path[size-1] != '/' {
		m.pickSlashed(n, method)
	}
	goto up
}

// isSlashMissing reports whether rest is run without the slash at its end.
func isSlashMissing[S text](run string, rest S) bool {
	return run[len(rest)] == '/' && run[:len(rest)] == string(rest)
}
