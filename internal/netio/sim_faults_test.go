package netio

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// simPair is a connection that has been accepted and is watched with data 1.
func simPair(t *testing.T, seed uint64, faults Faults) (s *Sim, p Poller, fd int, c *SimClient) {
	s = NewSim(seed, Faults{}) // the faults begin when the connection stands
	p, err := s.NewPoller()
	require.NoError(t, err)
	lfd := s.Listen()
	s.faults = faults
	c, err = s.Dial(lfd)
	require.NoError(t, err)
	s.faults = Faults{}
	for s.Step() {
	}
	fd, peer, err := s.Accept(lfd)
	require.NoError(t, err)
	require.Equal(t, c.Addr(), peer)
	require.NoError(t, p.Add(fd, 1))
	require.Equal(t, Out, take(t, p))
	s.faults = faults
	return s, p, fd, c
}

// TestSimFaults: each fault happens when it alone is asked for, and its news comes later.
func TestSimFaults(t *testing.T) {
	b := make([]byte, 64)
	hundred := make([]byte, 100)

	t.Run("ReadShort", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{ReadShort: 1})
		c.Write(hundred)
		require.True(t, s.Step())
		require.Equal(t, In|Out, take(t, p))
		n, err := s.Read(fd, b)
		require.NoError(t, err)
		require.Less(t, n, 64)
		_, err = s.Read(fd, b)
		require.Equal(t, ErrAgain, err)
		require.Zero(t, take(t, p))
		require.True(t, s.Step())
		require.Equal(t, In|Out, take(t, p))
	})
	t.Run("ReadAgain", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{ReadAgain: 1})
		c.Write(hundred)
		for range 3 {
			require.True(t, s.Step())
			require.Equal(t, In|Out, take(t, p))
			_, err := s.Read(fd, b)
			require.Equal(t, ErrAgain, err)
			require.Zero(t, take(t, p))
		}
	})
	t.Run("WritePart", func(t *testing.T) {
		ones := 0
		for seed := range uint64(50) {
			s, p, fd, _ := simPair(t, seed, Faults{WritePart: 1})
			n, err := s.Write(fd, hundred)
			require.NoError(t, err)
			if n == 1 {
				ones++
			}
			for s.Step() {
			}
			if n < 100 {
				require.Equal(t, Out, take(t, p))
			}
		}
		require.NotZero(t, ones)
		require.Less(t, ones, 50)
	})
	t.Run("WriteAgain", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{WriteAgain: 1})
		_, err := s.Writev(fd, [][]byte{hundred, hundred})
		require.Equal(t, ErrAgain, err)
		require.Zero(t, take(t, p))
		require.True(t, s.Step())
		require.Equal(t, Out, take(t, p))
		s.faults.WriteAgain = 0
		n, err := s.Writev(fd, [][]byte{hundred, hundred})
		require.NoError(t, err)
		require.Equal(t, 200, n)
		for s.Step() {
		}
		require.Len(t, c.Received(), 200)
	})
	t.Run("SmallBuffers", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{SmallBuffers: 1})
		sent := 0
		for range 3 {
			n, err := s.Write(fd, make([]byte, 1000))
			require.NoError(t, err)
			require.Less(t, n, 1000)
			sent += n
			_, err = s.Write(fd, hundred)
			require.Equal(t, ErrAgain, err)
			for s.Step() {
			}
			require.Equal(t, Out, take(t, p))
		}
		require.Len(t, c.Received(), sent)
	})
	t.Run("SmallPieces", func(t *testing.T) {
		s, _, fd, c := simPair(t, 1, Faults{SmallPieces: 1})
		c.Write(hundred)
		steps, got := 0, 0
		for s.Step() {
			steps++
			n, err := s.Read(fd, b)
			require.NoError(t, err)
			got += n
		}
		require.Greater(t, steps, 3)
		require.Equal(t, 100, got)
	})
	t.Run("Reset", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{Reset: 1})
		c.Write(hundred)
		require.True(t, s.Step())
		require.Equal(t, In|Out|RdHup|Hup|Err, take(t, p))
		require.True(t, c.State().Reset)
		_, err := c.Read(b)
		require.Equal(t, ErrReset, err)
		_, err = s.Write(fd, b)
		require.Equal(t, ErrReset, err)
	})
	t.Run("Spurious", func(t *testing.T) {
		s, p, _, c := simPair(t, 1, Faults{Spurious: 1})
		c.Write(hundred)
		c.Write(hundred)
		require.True(t, s.Step())
		take(t, p)
		c2, err := s.Dial(simFirstFD + 1)
		require.NoError(t, err)
		news := Flags(0)
		for range 20 { // none of this concerns the first connection
			s.Step()
			c2.Write(b)
			news |= take(t, p)
		}
		require.NotZero(t, news)
	})
	t.Run("Stale", func(t *testing.T) {
		s, p, fd, c := simPair(t, 1, Faults{Stale: 1})
		require.NoError(t, s.Close(fd))
		c2, err := s.Dial(simFirstFD + 1)
		require.NoError(t, err)
		require.True(t, s.Step())
		for fd2 := -1; fd2 < 0; s.Step() {
			fd2, _, _ = s.Accept(simFirstFD + 1)
		}
		require.Equal(t, fd, c2.State().FD, "the number is used again at once")
		require.NoError(t, p.Add(fd, 2))
		c.CloseWrite()
		c2.Write(b)
		seen := map[uint64]bool{}
		for s.Step() {
			events := make([]Event, 8)
			n, err := p.Wait(events, false)
			require.NoError(t, err)
			for _, e := range events[:n] {
				seen[e.Data] = true
			}
		}
		require.Equal(t, map[uint64]bool{1: true, 2: true}, seen)
	})
	t.Run("Exhausted and Aborted", func(t *testing.T) {
		s := NewSim(1, Faults{Exhausted: 1})
		lfd := s.Listen()
		c, err := s.Dial(lfd)
		require.NoError(t, err)
		require.True(t, s.Step())
		_, _, err = s.Accept(lfd)
		require.Equal(t, ErrExhausted, err)
		s.faults = Faults{Aborted: 1}
		_, _, err = s.Accept(lfd)
		require.Equal(t, ErrExhausted, err, "until a step")
		require.True(t, s.Step())
		_, _, err = s.Accept(lfd)
		require.Equal(t, ErrAborted, err)
		require.True(t, c.State().Reset)
		_, _, err = s.Accept(lfd)
		require.Equal(t, ErrAgain, err)
	})
	t.Run("Reorder", func(t *testing.T) {
		orders := map[uint64]bool{}
		for seed := range uint64(20) {
			s, p, _, _ := simPair(t, seed, Faults{Reorder: 1})
			for i := range uint64(3) {
				_, err := s.Dial(simFirstFD + 1)
				require.NoError(t, err)
				s.Step()
				fd, _, err := s.Accept(simFirstFD + 1)
				require.NoError(t, err)
				require.NoError(t, p.Add(fd, 10+i))
			}
			events := make([]Event, 8)
			n, err := p.Wait(events, false)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			orders[events[0].Data] = true
		}
		require.Len(t, orders, 3)
	})
	t.Run("NewPoller", func(t *testing.T) {
		_, err := NewSim(1, Faults{NewPoller: 1}).NewPoller()
		require.Equal(t, ErrExhausted, err)
	})
}

// TestSimCloseUnread: a server that closes with bytes unread, or before all have come, destroys its own answer, as on
// Linux. One that reads to the end does not.
func TestSimCloseUnread(t *testing.T) {
	for _, tc := range []struct {
		name         string
		come, linger bool
	}{{"unread", true, false}, {"under way", false, false}, {"lingering", true, true}} {
		t.Run(tc.name, func(t *testing.T) {
			s, _, fd, c := simPair(t, 1, Faults{})
			c.Write([]byte("a body that nobody wants"))
			if tc.come {
				s.Step()
			}
			c.CloseWrite()
			c.Pause(true)
			_, err := s.Write(fd, []byte("the answer"))
			require.NoError(t, err)
			if tc.linger {
				require.NoError(t, s.CloseWrite(fd))
				for n, err := 1, error(nil); n > 0; n, err = s.Read(fd, make([]byte, 8)) {
					require.NoError(t, err)
					s.Step()
				}
			}
			require.NoError(t, s.Close(fd))
			for s.Step() {
			}
			c.Pause(false)
			for s.Step() {
			}
			require.Equal(t, !tc.linger, c.State().Reset)
			got, err := io.ReadAll(c)
			if tc.linger {
				require.NoError(t, err)
				require.Equal(t, "the answer", string(got))
			} else {
				require.Equal(t, ErrReset, err)
				require.Empty(t, got)
			}
		})
	}
}

func TestSimReset(t *testing.T) {
	s, _, fd, c := simPair(t, 1, Faults{})
	_, err := s.Write(fd, []byte("lost"))
	require.NoError(t, err)
	require.NoError(t, s.Reset(fd))
	require.NoError(t, s.Close(fd))
	for s.Step() {
	}
	require.Empty(t, c.Received())
	require.True(t, c.State().Reset)
}

func TestSimSendFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 50)
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	for seed := range uint64(20) {
		s, _, fd, c := simPair(t, seed, DefaultFaults())
		s.faults.Reset = 0
		f, err := os.Open(path)
		require.NoError(t, err)
		pretend := s.File(content)
		for _, src := range []int{pretend, int(f.Fd())} {
			for {
				n, err := s.SendFile(fd, src, 100)
				if err == ErrUnsupported {
					break // a real file, where there is no real kernel
				}
				if err == ErrAgain {
					require.True(t, s.Step())
					continue
				}
				require.NoError(t, err)
				if n == 0 {
					break
				}
			}
		}
		f.Close()
		require.NoError(t, s.Close(pretend))
		for s.Step() {
		}
		got := c.Received()
		require.True(t, bytes.HasPrefix(append(content, content...), got))
		require.GreaterOrEqual(t, len(got), len(content))
	}
}

func TestSimViolations(t *testing.T) {
	s, p, fd, _ := simPair(t, 1, Faults{})
	b := make([]byte, 8)
	const foreign = 1 // somebody's, of the real kernel
	lfd := simFirstFD + 1
	count := 0
	bad := func(what string, err error) {
		t.Helper()
		count++
		require.Error(t, err, what)
		require.Len(t, s.Violations(), count, what)
	}
	bad("double Add", p.Add(fd, 2))
	bad("Add of a listener", p.Add(lfd, 2))
	bad("AddListener of a connection", p.AddListener(fd, 2))
	bad("Remove of what is not watched", p.Remove(lfd))
	_, err := s.Read(fd, nil)
	bad("read without room", err)
	_, _, err = s.Accept(fd)
	bad("Accept on a connection", err)
	bad("Close of a poller's descriptor", s.Close(simFirstFD))
	_, err = s.Read(lfd, b)
	bad("Read of a listener", err)
	require.NoError(t, s.Close(fd))
	for _, fd := range []int{fd, foreign, -1, 1 << 30} {
		_, err = s.Read(fd, b)
		bad("Read", err)
		_, err = s.Write(fd, b)
		bad("Write", err)
		_, err = s.Writev(fd, [][]byte{b})
		bad("Writev", err)
		_, err = s.SendFile(fd, foreign, 1)
		bad("SendFile", err)
		_, _, err = s.Accept(fd)
		bad("Accept", err)
		bad("CloseWrite", s.CloseWrite(fd))
		bad("Reset", s.Reset(fd))
		bad("Close", s.Close(fd))
		bad("Add", p.Add(fd, 5))
		bad("Remove", p.Remove(fd))
	}
	require.Equal(t, []int{simFirstFD, lfd}, s.OpenFDs())
	require.NoError(t, p.Close())
	require.NoError(t, s.Close(lfd))
	require.Empty(t, s.OpenFDs())
}

// TestSimFindsBusyLoops: a server that does not accept what is level-triggered. Pausing, by a timer, is no busy loop.
func TestSimFindsBusyLoops(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := NewSim(1, Faults{})
			p, err := s.NewPoller()
			require.NoError(t, err)
			lfd := s.Listen()
			require.NoError(t, p.AddListener(lfd, 0))
			_, err = s.Dial(lfd)
			require.NoError(t, err)
			done := make(chan bool)
			go func() {
				defer close(done)
				for {
					if _, err := p.Wait(make([]Event, 4), true); err != nil {
						return
					}
					if pause > 0 {
						time.Sleep(pause)
					}
				}
			}()
			for s.Step() {
				synctest.Wait()
			}
			time.Sleep(time.Minute)
			if pause > 0 {
				require.Empty(t, s.Violations())
			} else {
				require.Len(t, s.Violations(), 1)
			}
			require.NoError(t, p.Close())
			<-done
		})
	}
}

// TestSimRemove takes the news along.
func TestSimRemove(t *testing.T) {
	s, p, fd, c := simPair(t, 1, Faults{})
	c.Write([]byte("x"))
	require.True(t, s.Step())
	require.NoError(t, p.Remove(fd))
	require.Zero(t, take(t, p))
	require.NoError(t, p.Add(fd, 2))
	require.Equal(t, In|Out, take(t, p))
}

// TestSimPoller: Wake is remembered over unparked Waits, wakes a parked one, and Close ends it.
func TestSimPoller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSim(1, Faults{})
		p, err := s.NewPoller()
		require.NoError(t, err)
		events := make([]Event, 1)
		p.Wake()
		n, err := p.Wait(events, false)
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = p.Wait(events, true)
		require.NoError(t, err)
		require.Zero(t, n)
		returned := 0
		ended := make(chan error)
		go func() {
			for {
				if _, err := p.Wait(events, true); err != nil {
					ended <- err
					return
				}
				returned++
			}
		}()
		synctest.Wait()
		require.Zero(t, returned)
		p.Wake()
		synctest.Wait()
		require.Equal(t, 1, returned)
		require.NoError(t, p.Cycle())
		require.NoError(t, p.Close())
		require.Equal(t, ErrClosed, <-ended)
		require.Equal(t, ErrClosed, p.Close())
		require.Equal(t, ErrClosed, p.Cycle())
	})
}

// take collects what a poller reports, of one descriptor.
func take(t *testing.T, p Poller) (f Flags) {
	var events [4]Event
	for range 3 {
		n, err := p.Wait(events[:], false)
		require.NoError(t, err)
		for _, e := range events[:n] {
			f |= e.Flags
		}
		runtime.Gosched()
	}
	return f
}
