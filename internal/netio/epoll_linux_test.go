package netio

import (
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestWakeLosesNothing: the waiter parks only when the mailbox was empty, so a lost Wake would hang it.
func TestWakeLosesNothing(t *testing.T) {
	p := systemPoller(t)
	const posters, each = 4, 20_000
	var mailbox atomic.Int64
	var wg sync.WaitGroup
	for i := range posters {
		wg.Go(func() {
			for n := range each {
				mailbox.Add(1)
				p.Wake()
				if n%(i+2) == 0 {
					runtime.Gosched() // let the waiter get to its parking now and then
				}
			}
		})
	}
	events := make([]Event, 8)
	for taken, turn := int64(0), 0; taken < posters*each; turn++ {
		switch turn % 7 {
		case 1: // an unparked Wait must not eat the Wake
			n, err := p.Wait(events, false)
			require.NoError(t, err)
			require.Zero(t, n)
		case 3:
			require.NoError(t, p.Cycle())
		}
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		require.Zero(t, n)
		taken += mailbox.Swap(0)
	}
	wg.Wait()
}

// TestEventsLoseNothing: a peer sends one byte each time it has got the last one back, and wakes the waiter besides. The
// waiter has room for one event only, so that the bell competes with the sockets for it.
func TestEventsLoseNothing(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	const peers, rounds = 3, 3000
	fds := make([]int, peers)
	var wg sync.WaitGroup
	for i := range peers {
		fd, c := pair(t, "tcp4")
		fds[i] = fd
		require.NoError(t, p.Add(fd, uint64(i)))
		wg.Go(func() {
			b := []byte{0}
			for range rounds {
				c.Write(b)
				p.Wake()
				c.Read(b)
			}
			c.Close()
		})
	}
	events, b := make([]Event, 1), make([]byte, 8)
	for open := peers; open > 0; {
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		for _, e := range events[:n] {
			fd := fds[e.Data]
			for {
				n, err := k.Read(fd, b)
				if err == ErrAgain {
					break
				}
				require.NoError(t, err)
				if n == 0 {
					k.Close(fd)
					open--
					break
				}
				_, err = k.Write(fd, b[:n])
				require.NoError(t, err)
			}
		}
	}
	wg.Wait()
}

// TestBellTakesNoPlace: the bell is first in line, there is room for one event, and the runtime has told all it knows of
// (Cycle) before the waiter parks.
func TestBellTakesNoPlace(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	peer, err := ConnFD(c)
	require.NoError(t, err)
	require.NoError(t, p.Add(fd, 1))
	events := make([]Event, 1)
	waitFor(t, p, 1, Out)
	for range 100 {
		require.NoError(t, p.Cycle())
		k.Write(peer, []byte("x"))
		require.NoError(t, p.Cycle())
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		require.Equal(t, []Event{{1, In | Out}}, events[:n])
	}
	k.Close(fd)
}

// TestWakeOnce: a Wake is good for one parked Wait. The next one waits for an event.
func TestWakeOnce(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	peer, err := ConnFD(c)
	require.NoError(t, err)
	require.NoError(t, p.Add(fd, 1))
	waitFor(t, p, 1, Out)
	events := make([]Event, 1)
	for range 100 {
		p.Wake()
		p.Wake()
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		require.Zero(t, n)
		go k.Write(peer, []byte("x"))
		n, err = p.Wait(events, true)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	k.Close(fd)
}

// TestWaitIsEdgeTriggered: news once; what is there at Add is news; more bytes are more news.
func TestWaitIsEdgeTriggered(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	peer, err := ConnFD(c)
	require.NoError(t, err)
	events := make([]Event, 4)
	wait := func() []Event {
		n, err := p.Wait(events, false)
		require.NoError(t, err)
		return events[:n]
	}
	k.Write(peer, []byte("a"))
	const data = 0xfeedfacecafebeef
	require.NoError(t, p.Add(fd, data))
	require.Error(t, p.Add(fd, data))
	require.Error(t, p.Add(peer, bellData))
	require.Equal(t, []Event{{data, In | Out}}, wait())
	require.Empty(t, wait())
	k.Write(peer, []byte("b"))
	require.Equal(t, []Event{{data, In | Out}}, wait())
	require.Empty(t, wait())
	require.NoError(t, p.Remove(fd))
	k.Write(peer, []byte("c"))
	require.Empty(t, wait())
	k.Close(fd)
}

func TestListenerIsLevelTriggered(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	l, lfd := listen(t, "tcp4")
	require.NoError(t, p.AddListener(lfd, 9))
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	events := make([]Event, 4)
	for range 2 {
		for range 3 {
			n, err := p.Wait(events, false)
			require.NoError(t, err)
			require.Equal(t, []Event{{9, In}}, events[:n])
		}
		require.NoError(t, k.Close(acceptOne(t, lfd)))
	}
	n, err := p.Wait(events, false)
	require.NoError(t, err)
	require.Zero(t, n)
}

// TestNumberUsedAgain: the kernel gives a closed number to the next connection. Events still in hand name the old data,
// events to come the new one only.
func TestNumberUsedAgain(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	l, lfd := listen(t, "tcp4")
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	next := dial()
	old := acceptOne(t, lfd)
	require.NoError(t, p.Add(old, 1))
	require.Equal(t, Out, waitFor(t, p, 1, Out))

	old2 := acceptOne(t, lfd)
	require.NoError(t, p.Add(old2, 2))
	next.Write([]byte("for 2"))
	waitFor(t, p, 2, In)
	next.Write([]byte("more for 2"))
	require.NoError(t, k.Close(old2)) // with an event pending
	third := dial()
	again := acceptOne(t, lfd)
	if again != old2 {
		t.Skip("another part of this process has taken the number")
	}
	require.NoError(t, p.Add(again, 3))
	third.Write([]byte("x"))
	events := make([]Event, 4)
	for got := Flags(0); got&In == 0; {
		n, err := p.Wait(events, true)
		require.NoError(t, err)
		for _, e := range events[:n] {
			require.Equal(t, uint64(3), e.Data)
			got |= e.Flags
		}
	}
	k.Close(old)
	k.Close(again)
}

func TestClose(t *testing.T) {
	for range 200 {
		p := systemPoller(t)
		parked := make(chan error)
		go func() {
			events := make([]Event, 4)
			for {
				if _, err := p.Wait(events, true); err != nil {
					parked <- err
					return
				}
			}
		}()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { p.Wake(); runtime.Gosched(); p.Wake() })
		}
		require.NoError(t, p.Close())
		require.Equal(t, ErrClosed, <-parked)
		wg.Wait()
		_, err := p.Wait(make([]Event, 1), false)
		require.Equal(t, ErrClosed, err)
		require.Equal(t, ErrClosed, p.Close())
		require.Equal(t, ErrClosed, p.Cycle())
		require.Equal(t, ErrClosed, p.Add(0, 1))
		require.Equal(t, ErrClosed, p.Remove(0))
		p.Wake()
	}
}

// TestCloseReleases: both descriptors are given back, whoever is the last to leave.
func TestCloseReleases(t *testing.T) {
	k := systemKernel(t)
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(fds)
	}
	before := open()
	for range 20 {
		p, err := k.NewPoller()
		require.NoError(t, err)
		require.NoError(t, p.Close())
	}
	require.Equal(t, before, open(), "nobody else inside")
	for range 20 {
		p, err := k.NewPoller()
		require.NoError(t, err)
		done := make(chan bool)
		go func() {
			p.Wait(make([]Event, 4), true)
			close(done)
		}()
		runtime.Gosched()
		p.Wake()
		p.Wake()
		require.NoError(t, p.Close())
		<-done
	}
	require.Equal(t, before, open())
}

func TestBellOverflow(t *testing.T) {
	p := systemPoller(t).(*epoll)
	full := [8]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} // 2⁶⁴-2, the most a counter holds
	if full[7] != full[1] {
		t.Fatal("the bytes differ with the machine's order")
	}
	_, err := unix.Write(p.bell, full[:])
	require.NoError(t, err)
	events := make([]Event, 1)
	n, err := p.Wait(events, false)
	require.NoError(t, err)
	require.Zero(t, n)
	p.Wake()
	_, err = p.Wait(events, true)
	require.NoError(t, err)
	require.NoError(t, p.Cycle())
}

// TestCycle: on a single P a goroutine of package net waits for a byte while a loop has always something to do. Yielding
// alone leaves it waiting until the runtime's monitor looks, after 10 ms; a few cycles do not.
func TestCycle(t *testing.T) {
	fd, c := pair(t, "tcp4")
	p := systemPoller(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	k := systemKernel(t)
	var got atomic.Int64
	var reader sync.WaitGroup
	reader.Go(func() {
		b := make([]byte, 1)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			got.Add(1)
		}
	})
	const rounds, patience = 200, 50
	events := make([]Event, 8)
	late := 0
	for i := range rounds {
		_, err := k.Write(fd, []byte("x"))
		require.NoError(t, err)
		for try := 0; got.Load() <= int64(i); try++ {
			if try == patience {
				late++
			}
			for range 8 {
				_, err := p.Wait(events, false)
				require.NoError(t, err)
				runtime.Gosched()
			}
			require.NoError(t, p.Cycle())
		}
	}
	require.Less(t, late, rounds/10, "the runtime did not look at its sockets")
	require.NoError(t, k.Close(fd))
	reader.Wait()
}

// TestCycleKeepsEvents: neither events nor a Wake are used up, and cycles race with both.
func TestCycleKeepsEvents(t *testing.T) {
	k, p := systemKernel(t), systemPoller(t)
	fd, c := pair(t, "tcp4")
	peer, err := ConnFD(c)
	require.NoError(t, err)
	require.NoError(t, p.Add(fd, 5))
	events, b := make([]Event, 4), make([]byte, 8)
	waitFor(t, p, 5, Out)
	for range 2000 {
		var wg sync.WaitGroup
		wg.Go(func() { k.Write(peer, []byte("x")) })
		wg.Go(p.Wake)
		require.NoError(t, p.Cycle())
		waitFor(t, p, 5, In)
		_, err := k.Read(fd, b)
		require.NoError(t, err)
		wg.Wait()
	}
	p.Wake()
	require.NoError(t, p.Cycle())
	n, err := p.Wait(events, true) // would hang
	require.NoError(t, err)
	require.Zero(t, n)
	k.Close(fd)
}
