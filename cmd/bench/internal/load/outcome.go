package load

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// Outcome is what a run measured.
type Outcome struct {
	Elapsed     time.Duration
	Groups      []*Tally        // as Run.Groups
	due         []int64         // of open loops: how many requests were due, as Run.Groups
	behind      []time.Duration // of open loops: for how long, at the end, something had been late all the time
	OwnCPU      process.Usage
	Interrupted bool // the context ended it
	Gone        bool // no connection could be kept open: the server went away
}

// Total adds the groups up.
func (o *Outcome) Total() *Tally {
	sum := NewTally()
	for _, t := range o.Groups {
		sum.Add(t)
	}
	return sum
}

// Problem says why the outcome cannot be trusted, or nil.
func (o *Outcome) Problem(addr string) error {
	sum := o.Total()
	fs := sum.Failed()
	var n uint64
	for _, f := range fs {
		n += f.Count
	}
	switch {
	case o.Gone:
		return fmt.Errorf("the server at %s went away: %s", addr, fs[0].First)
	case n > 0:
		return fmt.Errorf("%d responses were not as wanted or did not come: first of the most frequent kind: %s", n, fs[0].First)
	case slices.ContainsFunc(o.Groups, func(t *Tally) bool { return t.Requests == 0 }):
		return ErrNothing
	}
	for i, t := range o.Groups {
		if !o.held(i) {
			second := func(n float64) string { return figures.Thousands(uint64(n/o.Elapsed.Seconds() + 0.5)) }
			return &RateError{fmt.Sprintf("the rate could not be held: %s requests a second were due, %s were answered",
				second(float64(o.due[i])), second(float64(t.Requests)))}
		}
	}
	return nil
}

// ErrNothing says that no response came in the measured time: the server, or the machine, had other things to do.
var ErrNothing = errors.New("nothing was measured: no request was answered in the measured time")

// RateError is an open loop whose rate could not be held.
type RateError struct{ text string }

func (e *RateError) Error() string { return e.text }

// behindMost is for how long an open loop may be late at the end of a short run; of a long one it is a quarter, of a very short
// one half. A server that stalls catches up within that; one that cannot hold the rate never does, however little it lacks.
const behindMost = 500 * time.Millisecond

func (o *Outcome) held(group int) bool {
	return o.behind == nil || o.behind[group] <= min(max(behindMost, o.Elapsed/4), o.Elapsed/2)
}
