package load

import (
	"io"
	"math"
	"net"
	"sync"
	"time"
)

// goroutines drives each connection on a goroutine of its own: the way that works on every system. In an open loop a request
// may be sent up to a millisecond late, which counts as latency: so long may a sleeping goroutine oversleep.
type goroutines struct {
	run    *Run
	counts []*Tally // by group
	slots  []slot

	mu    sync.Mutex
	conns []net.Conn // as slots; replaced when a connection is opened anew
	wake  chan struct{}
	once  sync.Once
}

const readBytes = 64 << 10

func newGoroutines(r *Run, slots []slot) *goroutines {
	g := &goroutines{run: r, slots: slots, conns: make([]net.Conn, len(slots)), wake: make(chan struct{})}
	for range r.Groups {
		g.counts = append(g.counts, NewTally())
	}
	for i, s := range slots {
		g.conns[i] = s.conn
	}
	return g
}

func (g *goroutines) tallies() []*Tally { return g.counts }

func (g *goroutines) drive() {
	var wg sync.WaitGroup
	for i := range g.slots {
		wg.Go(func() { g.one(i) })
	}
	wg.Wait()
}

// tick wakes everyone at the end.
func (g *goroutines) tick() {
	if !g.run.over() {
		return
	}
	g.once.Do(func() { close(g.wake) })
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		if c != nil {
			c.SetDeadline(time.Unix(1, 0))
		}
	}
}

// one drives the i-th connection and those that take its place.
func (g *goroutines) one(i int) {
	r, s := g.run, g.slots[i]
	gr := r.Groups[s.group]
	c := newClient(gr, g.counts[s.group], make([]memo, len(gr.Requests)), s.n)
	conn := s.conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
		r.leave(&c)
	}()
	buf := make([]byte, readBytes)
	for {
		if conn == nil && !gr.Close {
			if conn = g.dial(i, c.tally); conn == nil {
				return
			}
		}
		started, ok := g.due(&c)
		if !ok {
			return
		}
		if conn == nil { // the connect is part of the request
			if conn = g.dial(i, c.tally); conn == nil {
				return
			}
		}
		want := g.converse(&c, conn, buf, started)
		if r.over() {
			return
		}
		if want == wantSend {
			continue
		}
		conn.Close()
		conn = nil
		if want == wantOut {
			time.Sleep(redialPause)
		}
		c.again()
	}
}

// due waits until the client's next request is to be sent and returns from when its latency counts. It reports false when the
// run is over before.
func (g *goroutines) due(c *client) (started int64, ok bool) {
	r := g.run
	if c.group.schedule == nil {
		return r.now(), !r.over()
	}
	started = c.group.schedule.take()
	now := r.now()
	if d := started - now; d > 0 {
		c.group.schedule.met.Store(now)
		t := time.NewTimer(time.Duration(d))
		defer t.Stop()
		select {
		case <-t.C:
		case <-g.wake:
		}
	}
	if !r.over() {
		return started, true
	}
	r.unanswered(c.tally, started)
	return 0, false
}

// dial opens the i-th connection anew. It returns nil if that cannot be done.
func (g *goroutines) dial(i int, t *Tally) net.Conn {
	conn, err := g.run.dial(g.run.ctx, g.run.Groups[g.slots[i].group])
	if err != nil {
		g.run.lostForGood(t, err)
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[i] = conn
	if g.run.over() {
		conn.SetDeadline(time.Unix(1, 0))
	}
	return conn
}

// converse sends a batch and checks the responses until all have come, or the connection is used up or lost, or the run is over.
func (g *goroutines) converse(c *client, conn net.Conn, buf []byte, started int64) next {
	r := g.run
	batch := c.send(started, r.now())
	conn.SetDeadline(time.Now().Add(r.Timeout))
	if c.sent == math.MaxInt64 {
		conn.SetDeadline(time.Time{}) // a subscriber waits for as long as it takes
	}
	if r.over() {
		return wantOut // the deadline may have come after the tick that ends the run
	}
	// A body larger than the sockets hold may be answered while it is sent.
	sent := make(chan error, 1)
	if len(batch) <= readBytes {
		_, err := conn.Write(batch)
		sent <- err
	} else {
		go func() { _, err := conn.Write(batch); sent <- err }()
	}
	want := wantRead
	for want == wantRead {
		n, err := conn.Read(buf)
		if r.over() {
			conn.Close()
			<-sent
			return wantOut
		}
		if n > 0 {
			want = c.receive(buf[:n], r.now(), r.counts())
			if pong := c.takePong(); pong != nil && want == wantRead {
				conn.Write(pong)
			}
		} else if err != nil {
			want = c.ended(endOf(err), r.now(), r.counts())
		}
	}
	if want != wantSend {
		conn.Close()
		<-sent
		return want
	}
	if err := <-sent; err != nil {
		return c.ended(err, r.now(), r.counts())
	}
	return wantSend
}

// endOf is nil for an orderly end.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
