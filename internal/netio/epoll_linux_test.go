package netio

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func systemPoller(t testing.TB) Poller {
	k, err := System()
	require.NoError(t, err)
	p, err := k.NewPoller()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

// TestWakeLosesNothing: the waiter parks only when the mailbox was empty, so a lost Wake would hang it.
func TestWakeLosesNothing(t *testing.T) {
	p := systemPoller(t)
	const posters, each = 4, 20_000
	var mailbox atomic.Int64
	var wg sync.WaitGroup
	for range posters {
		wg.Go(func() {
			for range each {
				mailbox.Add(1)
				p.Wake()
			}
		})
	}
	events := make([]Event, 8)
	for taken := int64(0); taken < posters*each; {
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		require.Zero(t, n)
		taken += mailbox.Swap(0)
		if taken%7 == 0 {
			require.NoError(t, p.Cycle())
		}
	}
	wg.Wait()
}
