package netio

// stream is a sequence of random numbers that belongs to one side of one thing (the reads of connection 7, the steps of
// the network). As nobody else draws from it, what it yields does not depend on how goroutines interleave.
type stream struct{ state uint64 }

// Streams of a seed are told apart by what they are for and for which number of its kind.
const (
	forSteps uint64 = iota
	forReads
	forWrites
	forAccepts
	forWaits
	forSizes
	forPollers
)

func newStream(seed, purpose, number uint64) stream {
	return stream{mix(mix(mix(seed)+purpose) + number)}
}

// mix is splitmix64's finisher: every bit of x changes about half of the bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *stream) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	return mix(s.state)
}

// below returns a number in [0, n). n > 0.
func (s *stream) below(n int) int { return int(s.next() % uint64(n)) }

// chance is true with probability p. It draws also if p is 0 or 1, so that turning one fault off leaves the other draws
// as they were.
func (s *stream) chance(p float64) bool { return float64(s.next()>>11)/(1<<53) < p }

// piece cuts n > 0: to 1 byte, to a few, or anywhere.
func (s *stream) piece(n int) int {
	switch s.below(3) {
	case 0:
		return 1
	case 1:
		return 1 + s.below(min(n, 16))
	}
	return 1 + s.below(n)
}
