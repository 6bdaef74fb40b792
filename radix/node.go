package radix

import "math"

// node is a run of bytes that paths have in common, and what may follow. GET /users, GET /users/me, /users/{id} for
// DELETE, and /up/ make:
//
//	/             the root
//	└ u
//	  ├ sers      here: GET
//	  │ └ /
//	  │   ├ me    here: GET
//	  │   └ wild  here: DELETE
//	  └ p/        below: any
type node struct {
	head   uint64 // the first bytes of prefix
	unused uint8  // bits of head above those bytes
	low    byte   // the first byte of next[0]'s prefix
	isWild bool   // it is its parent's wild
	prefix string
	next   []*node // by the first byte of the prefix, less low; with gaps
	wild   *node   // after a segment of any content; only where prefix ends in a slash
	parent *node

	here  leaf // for paths that end here
	below leaf // for paths that end here or go on: {name...}; only where prefix ends in a slash
}

// newNode returns a node with a run of at least one byte.
func newNode(prefix string) *node {
	n := &node{}
	n.setPrefix(prefix)
	return n
}

func (n *node) setPrefix(prefix string) {
	n.prefix = prefix
	n.head = 0
	for i := range min(wordSize, len(prefix)) {
		n.head |= uint64(prefix[i]) << (8 * i)
	}
	n.unused = 8 * uint8(wordSize-min(wordSize, len(prefix)))
}

// leaf has the routes of one path pattern.
type leaf struct {
	any    *route // without method
	routes []methodRoute
}

type methodRoute struct {
	method method
	*route
}

// method is a method in a word, so that comparing is one instruction: its length in the topmost byte, up to seven
// bytes below. Longer ones, which are rare, are numbered by the tree.
type method uint64

const (
	methodGET  = method(3<<56 | 'G'<<16 | 'E'<<8 | 'T')
	methodHEAD = method(4<<56 | 'H'<<24 | 'E'<<16 | 'A'<<8 | 'D')
	methodLong = method(packed+1) << 56 // and following
	methodNone = method(math.MaxUint64) // that of no route
)

// packed is the length of the longest method that fits a word.
const packed = 7

// pack returns the word for a method that fits.
func pack[S text](s S) (m method) {
	for i := range len(s) {
		m = m<<8 | method(s[i])
	}
	return m | method(len(s))<<56
}

// pick returns the most specific route that a method has here: its own, that of GET for HEAD, the one for all.
func (l *leaf) pick(m method) *route {
	second := l.any
	for i := range l.routes {
		switch r := &l.routes[i]; r.method {
		case m:
			return r.route
		case methodGET:
			if m == methodHEAD {
				second = r.route
			}
		}
	}
	return second
}

func (l *leaf) empty() bool { return l.any == nil && len(l.routes) == 0 }

func (l *leaf) add(m method, r *route) {
	if r.method == "" {
		l.any = r
	} else {
		l.routes = append(l.routes, methodRoute{m, r})
	}
}

// child returns the child that begins with c, or nil.
func (n *node) child(c byte) *node {
	if i := int(c) - int(n.low); uint(i) < uint(len(n.next)) {
		return n.next[i]
	}
	return nil
}

// setChild puts c where its prefix says, in place of one that begins with the same byte.
func (n *node) setChild(c *node) {
	c.parent = n
	first := c.prefix[0]
	if len(n.next) == 0 {
		n.low = first
	}
	for first < n.low {
		n.next = append([]*node{nil}, n.next...)
		n.low--
	}
	for int(first-n.low) >= len(n.next) {
		n.next = append(n.next, nil)
	}
	n.next[first-n.low] = c
}

// insert adds a route below the root of its host.
func (n *node) insert(m method, r *route) {
	var run []byte
	for i, s := range r.segments {
		run = append(run, '/')
		if i == 0 {
			run = run[:0] // the root has it
		}
		switch last := i == len(r.segments)-1; {
		case s.kind == multi:
			n.extend(string(run)).below.add(m, r)
			return
		case s.kind == single:
			n = n.extend(string(run)).wildcard()
			run = run[:0]
		case s.text != slash || !last:
			run = spellLiteral(run, s.text)
		}
	}
	n.extend(string(run)).here.add(m, r)
}

// extend returns the node that is reached from n by the bytes of run, and makes it if there is none.
func (n *node) extend(run string) *node {
	for run != "" {
		c := n.child(run[0])
		if c == nil {
			c = newNode(run)
			n.setChild(c)
			return c
		}
		k := 0
		for k < len(run) && k < len(c.prefix) && run[k] == c.prefix[k] {
			k++
		}
		if k < len(c.prefix) {
			upper := newNode(c.prefix[:k])
			n.setChild(upper)
			c.setPrefix(c.prefix[k:])
			upper.setChild(c)
			c = upper
		}
		n, run = c, run[k:]
	}
	return n
}

// wildcard returns the node after a segment of any content.
func (n *node) wildcard() *node {
	if n.wild == nil {
		n.wild = &node{parent: n, isWild: true}
	}
	return n.wild
}

// clone copies a node and all below.
func (n *node) clone(parent *node) *node {
	if n == nil {
		return nil
	}
	c := *n
	c.parent = parent
	c.next = make([]*node, len(n.next))
	for i, child := range n.next {
		c.next[i] = child.clone(&c)
	}
	c.wild = n.wild.clone(&c)
	c.here.routes = append([]methodRoute(nil), n.here.routes...)
	c.below.routes = append([]methodRoute(nil), n.below.routes...)
	return &c
}
