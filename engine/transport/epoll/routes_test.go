package epoll

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func route(method, path string) uint64 { return routeKey([]byte(method), []byte(path)) }

func TestRouteShapes(t *testing.T) {
	// Each line is one shape; all paths of a line are the same route, those of different lines are not.
	shapes := [][]string{
		{"/"},
		{""},
		{"*"}, // OPTIONS *
		{"/users"},
		{"/users/"},
		{"/users/me"},
		{"/users/you"},
		{"/users/17", "/users/18", "/users/0", "/users/99999999999999999999999999999999", "/users/me2"},
		{"/users/17/", "/users/18/"},
		{"/users/17/posts", "/users/a9/posts"},
		{"/users/17/posts/3", "/users/18/posts/4"},
		{"/users/me/posts/3", "/users/me/posts/4"},
		{"/users/17/likes"},
		{"/objects/9f86d081-884c-7d65-9a2f-eaa0c55ad015", "/objects/00000000-0000-0000-0000-000000000000",
			"/objects/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "/objects/deadbeef1"},
		{"/objects/deadbeef"},
		{"/blobs/" + strings.Repeat("a", 25), "/blobs/" + strings.Repeat("b", 25), "/blobs/" + strings.Repeat("b", 2500)},
		{"/blobs/" + strings.Repeat("a", 24)},
		{"/blobs/" + strings.Repeat("b", 24)},
		{"/search/a%20b", "/search/%41", "/search/%", "/search/x%2Fy"},
		{"/search/a/b"},
		{"/v1/users", "/v2/users"}, // versions fold too: one more stall at worst
		{"//"},
		{"/users//17", "/users//18"},
	}
	shapeOf := make(map[uint64]string)
	for _, shape := range shapes {
		key := route("GET", shape[0])
		for _, path := range shape {
			require.Equal(t, key, route("GET", path), "%q and %q", shape[0], path)
		}
		require.NotContains(t, shapeOf, key, "%q and %q", shape[0], shapeOf[key])
		shapeOf[key] = shape[0]
		for _, method := range []string{"POST", "HEAD", "get", "GE", ""} {
			require.NotEqual(t, key, route(method, shape[0]), "%s %q", method, shape[0])
		}
	}
}

const (
	quick = fastRun - 1
	long  = fastRun
)

func TestRoutesLearn(t *testing.T) {
	rt := new(routes)
	fast, slow := route("GET", "/fast"), route("GET", "/slow")
	require.False(t, rt.any.Load())
	require.False(t, rt.slow(slow))
	rt.ran(slow, quick, false) // nobody has heard of it
	require.False(t, rt.slow(slow))

	rt.overran(slow)
	require.True(t, rt.any.Load())
	require.True(t, rt.slow(slow))
	require.False(t, rt.slow(fast))
	require.False(t, rt.slow(route("POST", "/slow")))
}

// comeback is how many fast runs in a row make the route trusted again.
func comeback(t *testing.T, rt *routes, key uint64) (runs int) {
	for rt.slow(key) {
		rt.ran(key, quick, false)
		runs++
		require.LessOrEqual(t, runs, fastRuns<<fastDoublings)
	}
	return runs
}

// TestRoutesRelapse: each time a route disappoints, it has to be fast for twice as long, up to the cap.
func TestRoutesRelapse(t *testing.T) {
	rt := new(routes)
	key := route("GET", "/now/and/then")
	var runs []int
	for range fastDoublings + 4 {
		rt.overran(key)
		runs = append(runs, comeback(t, rt, key))
	}
	var want []int
	for i := range runs {
		want = append(want, fastRuns<<min(i, fastDoublings))
	}
	require.Equal(t, want, runs)
}

// TestRoutesReset: one run that was slow, or that had to wait, and all begins anew.
func TestRoutesReset(t *testing.T) {
	for name, disappoint := range map[string]func(*routes, uint64){
		"took long":             func(rt *routes, key uint64) { rt.ran(key, long, false) },
		"waited":                func(rt *routes, key uint64) { rt.ran(key, quick, true) },
		"took long and waited":  func(rt *routes, key uint64) { rt.ran(key, time.Hour, true) },
		"took an instant, gave": func(rt *routes, key uint64) { rt.ran(key, 0, true) },
	} {
		t.Run(name, func(t *testing.T) {
			key := route("GET", "/")
			fresh := new(routes)
			fresh.overran(key)
			need := comeback(t, fresh, key)

			rt := new(routes)
			rt.overran(key)
			for range 3 {
				for range need - 1 {
					rt.ran(key, quick, false)
				}
				require.True(t, rt.slow(key))
				disappoint(rt, key)
			}
			require.Equal(t, need, comeback(t, rt, key))
		})
	}
}

// TestRoutesPressure: a table that is full forgets routes, the newest never, and the trusted first.
func TestRoutesPressure(t *testing.T) {
	rt := new(routes)
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 * routesLen {
		key := r.Uint64()
		rt.overran(key)
		require.True(t, rt.slow(key))
	}
	// All entries are slow. One that comes back makes room, for which no slow one has to go.
	key := r.Uint64()
	rt.overran(key)
	comeback(t, rt, key)
	before := slowEntries(rt)
	rt.overran(key)
	require.Equal(t, before+1, slowEntries(rt))

	strangers := 0
	for range 10_000 {
		if rt.slow(r.Uint64()) {
			strangers++
		}
	}
	require.Zero(t, strangers, "routes never seen are taken for slow ones")
}

func slowEntries(rt *routes) (n int) {
	for i := range rt.table {
		if rt.table[i].Load()&slowBit != 0 {
			n++
		}
	}
	return n
}

// TestRoutesCollision: routes that want the same entry lie side by side.
func TestRoutesCollision(t *testing.T) {
	rt := new(routes)
	var keys []uint64
	for i := range uint64(routesProbe) {
		keys = append(keys, (i+1)<<40|routesLen-1) // from the last entry round to the first
		rt.overran(keys[i])
	}
	for _, key := range keys {
		require.True(t, rt.slow(key))
	}
	extra := uint64(99)<<40 | routesLen - 1
	require.False(t, rt.slow(extra))
	rt.overran(extra)
	require.True(t, rt.slow(extra))
	require.Equal(t, routesProbe, slowEntries(rt), "one has been forgotten for it")
}

func TestRoutesConcurrent(t *testing.T) {
	rt := new(routes)
	var wait sync.WaitGroup
	const own = 8
	for g := range own {
		mine := route("GET", fmt.Sprint("/", strings.Repeat("x", g)))
		wait.Go(func() {
			r := rand.New(rand.NewPCG(5, uint64(g)))
			for range 20_000 {
				shared := uint64(r.IntN(64)) << 33
				switch r.IntN(4) {
				case 0:
					rt.overran(shared)
				case 1:
					rt.ran(shared, time.Duration(r.Int64N(int64(2*fastRun))), r.IntN(2) == 0)
				case 2:
					rt.slow(shared)
				case 3:
					rt.overran(mine)
				}
			}
			rt.overran(mine)
		})
	}
	wait.Wait()
	for g := range own {
		require.True(t, rt.slow(route("GET", fmt.Sprint("/", strings.Repeat("x", g)))))
	}
	for i := range rt.table {
		e := rt.table[i].Load()
		require.LessOrEqual(t, e&relapseMask/relapseBit, uint64(fastDoublings))
		require.Less(t, e&runsMask, uint64(fastRuns<<fastDoublings))
	}
}

func BenchmarkRouteKey(b *testing.B) {
	method, path := []byte("GET"), []byte("/users/17/posts/9f86d081884c7d65")
	for b.Loop() {
		routeKey(method, path)
	}
}
