package netio

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// drive lets the network and the server run until neither has anything to do.
func drive(s *Sim) {
	for idle := 0; idle < 2; synctest.Wait() {
		if s.Step() {
			idle = 0
		} else {
			time.Sleep(time.Second) // for the server's timers
			idle++
		}
	}
}

// outcome of one seed.
type outcome struct {
	trace              uint64
	whole, cut         int // connections
	violations, errors []string
}

// runEcho has clients of random habits talk to an echo server.
func runEcho(t *testing.T, seed uint64, faults Faults, server echo) (out outcome) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSim(seed, faults)
		p, err := s.NewPoller()
		require.NoError(t, err)
		server.k, server.p, server.lfd = s, p, s.Listen()
		served := make(chan error)
		go func() { served <- server.serve() }()
		synctest.Wait()

		habits := newStream(seed, 99, 0)
		type talk struct {
			*SimClient
			sent []byte
			rude bool
		}
		var talks []*talk
		for range 1 + habits.below(5) {
			c, err := s.Dial(server.lfd)
			require.NoError(t, err)
			talks = append(talks, &talk{SimClient: c})
		}
		for range 60 {
			c := talks[habits.below(len(talks))]
			switch habits.below(30) {
			case 0:
				c.CloseWrite()
			case 1:
				c.rude = true
				c.Close()
			case 2:
				c.rude = true
				c.Reset()
			case 3, 4:
				c.Pause(true)
			case 5, 6, 7:
				c.Pause(false)
			case 8: // takes a number that was perhaps just closed
				n, err := s.Dial(server.lfd)
				require.NoError(t, err)
				talks = append(talks, &talk{SimClient: n})
			default:
				b := make([]byte, 1+habits.below(100))
				for i := range b {
					b[i] = byte(habits.next())
				}
				if _, err := c.Write(b); err == nil {
					c.sent = append(c.sent, b...)
				}
			}
			for range habits.below(20) {
				s.Step()
				synctest.Wait()
			}
		}
		for _, c := range talks {
			c.Pause(false)
			c.CloseWrite()
		}
		drive(s)

		for i, c := range talks {
			state, got := c.State(), c.Received()
			switch {
			case c.rude || state.Reset:
				out.cut++
				if !bytes.HasPrefix(c.sent, got) {
					out.errors = append(out.errors, fmt.Sprintf("client %d: got what it had not sent", i))
				}
			case !state.Ended:
				out.errors = append(out.errors, fmt.Sprintf("client %d: stalled: %+v", i, state))
			case !bytes.Equal(c.sent, got):
				out.errors = append(out.errors, fmt.Sprintf("client %d: sent %d bytes, got %d", i, len(c.sent), len(got)))
			default:
				out.whole++
			}
		}
		require.NoError(t, p.Close())
		require.NoError(t, <-served)
		require.Equal(t, []int{server.lfd}, s.OpenFDs())
		out.trace, out.violations = s.Trace(), s.Violations()
	})
	return out
}

const simSeeds = 1000

// TestSimEcho: every byte comes back in order on every seed, and a seed is a run: the same trace twice.
func TestSimEcho(t *testing.T) {
	for name, server := range map[string]echo{"thorough": {}, "thrifty": {thrifty: true}} {
		t.Run(name, func(t *testing.T) {
			var whole, cut int
			traces := make(map[uint64]bool)
			for seed := range uint64(simSeeds) {
				out := runEcho(t, seed, DefaultFaults(), server)
				require.Empty(t, out.errors, "seed %d", seed)
				require.Empty(t, out.violations, "seed %d", seed)
				require.Equal(t, out, runEcho(t, seed, DefaultFaults(), server), "seed %d", seed)
				whole, cut = whole+out.whole, cut+out.cut
				traces[out.trace] = true
			}
			require.Greater(t, whole, simSeeds, "hardly a connection lived: nothing was tested")
			require.Greater(t, cut, simSeeds/2, "hardly a connection was cut")
			require.Greater(t, len(traces), simSeeds*9/10, "seeds do not differ")
		})
	}
}

// TestSimWithoutFaults: then nobody may be cut but by himself.
func TestSimWithoutFaults(t *testing.T) {
	for seed := range uint64(50) {
		out := runEcho(t, seed, Faults{}, echo{})
		require.Empty(t, out.errors)
		require.Empty(t, out.violations)
	}
}

// TestSimCatchesForgetful: a server that reads once per event is found out. So a stall is something the simulator sees.
func TestSimCatchesForgetful(t *testing.T) {
	caught := 0
	for seed := range uint64(50) {
		if len(runEcho(t, seed, DefaultFaults(), echo{forgetful: true}).errors) > 0 {
			caught++
		}
	}
	require.Greater(t, caught, 25)
}
