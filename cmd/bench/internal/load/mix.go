package load

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// mix is the URLs that a load asks for, and how often each.
type mix struct {
	urls     []string
	weights  []int
	requests []*Request
}

// weightMax bounds a weight, and mixMax the URLs: the order in which a client asks has an entry for every unit of weight.
const (
	weightMax = 1000
	mixMax    = 100
)

// newMix reads texts of the form WEIGHT=URL. All URLs must be of one server, and all are sent the same method, fields and body.
func newMix(texts []string, method string, header []string, body []byte) (m mix, err error) {
	if len(texts) > mixMax {
		return m, fmt.Errorf("-url: %d URLs, want at most %d", len(texts), mixMax)
	}
	for _, text := range texts {
		weight, url, ok := strings.Cut(text, "=")
		n, err := strconv.Atoi(weight)
		if !ok || err != nil || n < 1 || n > weightMax {
			return m, fmt.Errorf("-url %q: want WEIGHT=URL with a weight of 1 to %d", text, weightMax)
		}
		r, err := NewRequest(method, url, header, body)
		if err != nil {
			return m, err
		}
		if len(m.requests) > 0 && r.Addr != m.requests[0].Addr {
			return m, fmt.Errorf("-url %q: all must be of one server, the first is of %s", text, m.requests[0].Addr)
		}
		m.urls, m.weights, m.requests = append(m.urls, url), append(m.weights, n), append(m.requests, r)
	}
	return m, nil
}

// title is the URL, or that there are several.
func (m mix) title() string {
	if len(m.urls) == 1 {
		return m.urls[0]
	}
	return fmt.Sprintf("%s and %d more URLs", m.urls[0], len(m.urls)-1)
}

// group is the load of the mix. The order of a real mix is shuffled, always in the same way.
func (m mix) group(name string, conns, depth int) *Group {
	g := NewGroup(name, conns, depth, m.requests[0])
	if len(m.requests) == 1 {
		return g
	}
	g.Requests = m.requests
	for i, n := range m.weights {
		for range n {
			g.order = append(g.order, i)
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(g.order), func(i, j int) { g.order[i], g.order[j] = g.order[j], g.order[i] })
	return g
}
