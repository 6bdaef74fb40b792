package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// seedsDefault is the number of seeds in a plain go test.
const seedsDefault = 300

// TestSessions plays the seeds 1 to PEREGRINE_SEEDS, or PEREGRINE_SEED alone.
func TestSessions(t *testing.T) {
	needLoops(t)
	file := sentFile(t)
	if one := number(t, "PEREGRINE_SEED", 0); one != 0 {
		check(t, one, file, t.Logf)
		return
	}
	whole, open := 0, 0
	for seed := range number(t, "PEREGRINE_SEEDS", seedsDefault) {
		s := check(t, seed+1, file, nil)
		for _, k := range s.talks {
			if k.end != nil && len(k.got) > 0 {
				whole++
			}
		}
		open += len(s.talks)
	}
	if whole < open/4 {
		t.Fatalf("only %d of %d connections were answered and ended: hardly anything was tested", whole, open)
	}
}

// FuzzSession looks for seeds that nobody has tried. Its own are those of TestSessions' first kinds of run.
func FuzzSession(f *testing.F) {
	f.Add(uint64(1)) // any
	f.Add(uint64(8)) // any
	needLoops(f)
	file := sentFile(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		check(t, seed, file, nil)
	})
}

func check(t *testing.T, seed uint64, file string, logf func(string, ...any)) *session {
	replay := fmt.Sprintf("seed %d; again: PEREGRINE_SEED=%d go test ./fuzz -run TestSessions -v", seed, seed)
	returned := false
	defer func() {
		if !returned { // a panic inside, or a goroutine that was left behind
			fmt.Fprintln(os.Stderr, replay)
		}
	}()
	s := play(t, seed, file, logf)
	returned = true
	if len(s.problems) > 0 {
		t.Fatalf("%s\n%s", replay, strings.Join(s.problems, "\n"))
	}
	return s
}

func needLoops(t testing.TB) {
	if _, err := netio.System(); errors.Is(err, netio.ErrUnsupported) {
		t.Skip("no event loops on this system")
	}
}

// sentFile makes the file that handlers send.
func sentFile(t testing.TB) (path string) {
	path = filepath.Join(t.TempDir(), "sent")
	if err := os.WriteFile(path, pattern(fileID, fileSize), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestSessionsAreJudged: bytes of another connection, bytes too few and bytes too many would all be seen.
func TestSessionsAreJudged(t *testing.T) {
	needLoops(t)
	file := sentFile(t)
	seen := 0
	for seed := range uint64(60) {
		s := check(t, seed+1, file, nil)
		for i, k := range s.talks {
			got := k.got
			if len(got) == 0 || k.left || s.stopAfter > 0 || k.sim.State().Reset {
				continue
			}
			other := s.talks[(i+1)%len(s.talks)].got
			for _, wrong := range [][]byte{got[1:], append(bytes.Clone(got), got...), other} {
				if len(wrong) == 0 || bytes.Equal(wrong, got) {
					continue
				}
				k.got = wrong
				if len(k.judge(s)) == 0 {
					t.Errorf("seed %d, client %d: %q passes for %q", seed+1, i, wrong, got)
				}
				seen++
			}
			k.got = got
		}
	}
	if seen == 0 {
		t.Fatal("nothing was tried")
	}
}

// TestSessionsRepeat: a seed is a run, the same again, if there is one loop. Two run at the same time, and which one is
// first at the listener is not the seed's to say; still nearly all runs repeat.
func TestSessionsRepeat(t *testing.T) {
	needLoops(t)
	file := sentFile(t)
	tried := 0
	for seed := range uint64(100) {
		a := check(t, seed+1, file, nil)
		if a.loops > 1 {
			continue
		}
		tried++
		b := check(t, seed+1, file, nil)
		if a.sim.Trace() != b.sim.Trace() || a.steps != b.steps {
			t.Errorf("seed %d: two runs of %d and %d steps", seed+1, a.steps, b.steps)
		}
	}
	if tried == 0 {
		t.Fatal("no seed has one loop")
	}
}
