package constcache_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/constcache"
)

// TestCell tells stories: each line is a call, and for Get what comes of it.
func TestCell(t *testing.T) {
	one, two := answer(t, constcache.Source{Status: 201}), answer(t, constcache.Source{Status: 202})
	get := func(now int64, want *constcache.Answer, wantStale bool) func(*testing.T, *constcache.Cell) {
		return func(t *testing.T, c *constcache.Cell) {
			t.Helper()
			a, stale := c.Get(now)
			require.True(t, want == a, "at %d", now)
			require.Equal(t, wantStale, stale, "at %d", now)
		}
	}
	set := func(a *constcache.Answer, now int64, ttl time.Duration) func(*testing.T, *constcache.Cell) {
		return func(_ *testing.T, c *constcache.Cell) { c.Set(a, now, ttl) }
	}
	abandon := func(_ *testing.T, c *constcache.Cell) { c.Abandon() }
	invalidate := func(_ *testing.T, c *constcache.Cell) { c.Invalidate() }
	for name, story := range map[string][]func(*testing.T, *constcache.Cell){
		"first":               {get(0, nil, true), get(0, nil, false), set(one, 0, 10), get(9, one, false), get(10, one, true), get(11, one, false), set(two, 12, 10), get(21, two, false), get(22, two, true)},
		"for ever":            {set(one, 0, 0), get(1<<62, one, false), set(two, 0, -1), get(1<<62, two, false)},
		"time goes backwards": {set(one, 100, 10), get(50, one, false)},
		"endless":             {set(one, 1<<62, 1<<62), get(1<<62+1, one, false)},
		"nothing came of it":  {get(0, nil, true), abandon, get(0, nil, true), set(one, 0, 10), get(10, one, true), get(10, one, false), abandon, get(11, one, true)},
		"abandoned by nobody": {abandon, get(0, nil, true), set(one, 0, 10), abandon, get(9, one, false), get(10, one, true)},
		"invalidated":         {set(one, 0, 10), invalidate, get(1, nil, true), get(1, nil, false), set(two, 1, 10), get(2, two, false)},
		"invalidated empty":   {invalidate, get(0, nil, true)},
		"invalid before it was finished": {set(one, 0, 10), get(10, one, true), invalidate, get(10, nil, false), set(two, 10, 10),
			get(11, nil, true), get(11, nil, false), set(one, 11, 10), get(12, one, false)},
		"invalid and abandoned": {get(0, nil, true), invalidate, abandon, get(0, nil, true)},
		"pushed meanwhile":      {get(0, nil, true), set(one, 0, 10), set(two, 0, 10), get(1, two, false)},
	} {
		t.Run(name, func(t *testing.T) {
			var c constcache.Cell
			for _, step := range story {
				step(t, &c)
			}
		})
	}
}

// TestCellOneRefresher: of many that ask at once, one is told.
func TestCellOneRefresher(t *testing.T) {
	var c constcache.Cell
	a := answer(t, constcache.Source{Status: 200})
	for round := range int64(200) {
		var told atomic.Int32
		var start, all sync.WaitGroup
		start.Add(1)
		for range 8 {
			all.Go(func() {
				start.Wait()
				for range 10 {
					got, stale := c.Get(round * 10)
					if stale {
						told.Add(1)
					}
					if (got == nil) != (round == 0) {
						t.Errorf("round %d: answer %v", round, got)
					}
				}
			})
		}
		start.Done()
		all.Wait()
		require.EqualValues(t, 1, told.Load(), "round %d", round)
		c.Set(a, round*10, 10)
	}
}

// TestCellInvalidate: whoever asks after Invalidate has returned does not get what was made out of what was there before,
// and there is never more than one who makes.
func TestCellInvalidate(t *testing.T) {
	const versions = 300
	var c constcache.Cell
	var source, announced, making atomic.Int64
	answers := make([]*constcache.Answer, versions)
	for i := range answers {
		answers[i] = answer(t, constcache.Source{Status: 400 + i})
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				least := announced.Load()
				a, stale := c.Get(0)
				if a != nil && int64(a.Status()-400) < least {
					t.Errorf("version %d after version %d was announced", a.Status()-400, least)
				}
				if stale {
					if making.Add(1) != 1 {
						t.Error("two are making")
					}
					made := answers[source.Load()]
					runtime.Gosched()
					making.Add(-1)
					c.Set(made, 0, 0)
				}
			}
		})
	}
	for i := range int64(versions) {
		source.Store(i)
		c.Invalidate()
		announced.Store(i)
		runtime.Gosched()
	}
	close(done)
	all.Wait()
}
