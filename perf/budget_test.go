package perf

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAllocations: what one request allocates in the whole process, on a loop.
func TestAllocations(t *testing.T) {
	if raceEnabled || runtime.GOOS != "linux" {
		t.Skip("counted on loops (Linux), and without the race detector, which has pools forget")
	}
	for _, c := range []struct {
		name    string
		server  func() served
		in, end string
		most    float64
	}{
		{"native JSON", nativeServer, "GET /json" + host, `{"message":"` + text + `"}`, 2},
		{"net/http handler in nethttp.Const", adapterServer, "GET /const" + host, text, 3},
	} {
		a := newAsker(t, dial(t, start(t, c.server()), false), c.in, c.end)
		for range 100 {
			a.once(t)
		}
		const rounds = 5000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			a.once(t)
		}
		runtime.ReadMemStats(&after)
		each := float64(after.Mallocs-before.Mallocs) / rounds
		t.Logf("%s: %.2f", c.name, each)
		require.Less(t, each, c.most+0.2, c.name) // the collector, pools that it empties, the date once a second
	}
}

// TestIdleBytes: what an idle connection keeps of Go's heap and stacks once it has been used. The kernel's share is its own.
func TestIdleBytes(t *testing.T) {
	if raceEnabled || runtime.GOOS != "linux" {
		t.Skip("counted on loops (Linux), and without the race detector, which has a memory of its own")
	}
	const n = 400
	for _, c := range []struct {
		name    string
		server  func() served
		in, end string
		most    uint64
	}{
		{"native", nativeServer, "GET /plaintext" + host, text, 280},
		{"adapter", adapterServer, "GET /plaintext" + host, text, 350},
		{"WebSocket", nativeServer, frame, frameWants, 330},
	} {
		// A machine that stands still for a moment has goroutines started that are no connection's: of three times the least counts.
		each := uint64(math.MaxUint64)
		for try := 0; try < 3 && each > c.most; try++ {
			addr := start(t, c.server())
			fds := make([]int, 0, 2*n)
			use := func(count int) {
				for range count {
					fds = append(fds, connected(t, addr, c.in == frame, c.in, c.end))
				}
			}
			use(n) // tables grow by doubling: the second half is what a connection costs
			before := inUse()
			use(n)
			each = min(each, (max(inUse(), before)-before)/n)
			closeAll(fds)
		}
		t.Logf("%s: %d bytes", c.name, each)
		require.LessOrEqual(t, each, c.most, c.name)
	}
}

// inUse is what lies on heap and stacks after two collections, as what is in a pool outlives one.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// pointer is how README.md names a test: a file, and a function in it.
var pointer = regexp.MustCompile("`([\\w/]+_test\\.go)` (Test\\w+)")

// TestBudgetsAreHeld: each test that README.md names is there.
func TestBudgetsAreHeld(t *testing.T) {
	page, err := os.ReadFile("README.md")
	require.NoError(t, err)
	named := pointer.FindAllStringSubmatch(string(page), -1)
	require.GreaterOrEqual(t, len(named), 10)
	for _, m := range named {
		require.True(t, hasFunction(t, filepath.Join("..", filepath.FromSlash(m[1])), m[2]), "%s has no %s", m[1], m[2])
	}
	require.False(t, hasFunction(t, "budget_test.go", "TestNothing"))
}

func hasFunction(t *testing.T, file, name string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == name {
			return true
		}
	}
	return false
}
