package epoll

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// twin is a wheel that anybody can see to be right: every connection's tick, looked through one by one.
type twin struct {
	now   int64 // in ticks
	looks map[*conn]int64
}

func (w *twin) link(c *conn, at int64) {
	look := max(at/tick+1, w.now+1)
	if old, ok := w.looks[c]; !ok || old*tick > at {
		w.looks[c] = look
	}
}

func (w *twin) next() (first int64) {
	for _, look := range w.looks {
		if first == 0 || look*tick < first {
			first = look * tick
		}
	}
	return first
}

func (w *twin) advance(now int64) (due []*conn) {
	w.now = max(w.now, now/tick)
	for c, look := range w.looks {
		if look <= w.now {
			due = append(due, c)
			delete(w.looks, c)
		}
	}
	return due
}

// TestWheelOracle drives the wheel and its twin with the same random deadlines.
func TestWheelOracle(t *testing.T) {
	const conns, steps = 40, 100_000
	for name, start := range starts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(3, uint64(start)))
			// Far and near are equally likely: a random number of bits.
			some := func(bits int) int64 { return r.Int64N(1 << (1 + r.IntN(bits))) }
			k := newClockwork(start)
			slow := &twin{now: start / tick, looks: make(map[*conn]int64)}
			var all []*conn
			for range conns {
				all = append(all, k.conn())
			}
			now := start
			for step := range steps {
				c := all[r.IntN(conns)]
				switch r.IntN(4) {
				case 0, 1:
					at := now + some(47) - int64(time.Second) // up to 39 hours ahead, or a little ago
					at = max(at, 1)
					k.wheel.link(c, at)
					slow.link(c, at)
				case 2:
					k.wheel.unlink(c)
					delete(slow.looks, c)
				case 3:
					if r.IntN(2) == 0 && len(slow.looks) > 0 {
						now = max(now, k.wheel.next()-some(10)+1) // about as a loop's alarm does
					} else {
						now += some(44)
					}
					require.ElementsMatch(t, slow.advance(now), k.looks(now), "step %d", step)
				}
				require.Equal(t, slow.looks[c]*tick, c.wheelAt, "step %d", step)
				if next, first := k.wheel.next(), slow.next(); first == 0 {
					require.Zero(t, next, "step %d", step)
				} else {
					require.Positive(t, next, "step %d", step)
					require.LessOrEqual(t, next, first, "step %d: next is late", step)
					require.Greater(t, next, now/tick*tick, "step %d: next is over", step)
				}
			}
		})
	}
}
