package main

import (
	"io"
	"net"
	"sync"
	"time"
)

// goroutines drives each connection on a goroutine of its own: the way that works on every system.
type goroutines struct {
	run    *loadRun
	counts []*tally // by group
	slots  []slot

	mu    sync.Mutex
	conns []net.Conn // as slots; replaced when a connection is opened anew
}

const readBytes = 64 << 10

func newGoroutines(r *loadRun, slots []slot) *goroutines {
	g := &goroutines{run: r, slots: slots, conns: make([]net.Conn, len(slots))}
	for range r.groups {
		g.counts = append(g.counts, newTally())
	}
	for i, s := range slots {
		g.conns[i] = s.conn
	}
	return g
}

func (g *goroutines) tallies() []*tally { return g.counts }

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
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.SetDeadline(time.Unix(1, 0))
	}
}

func (g *goroutines) one(i int) {
	r, s := g.run, g.slots[i]
	c := newClient(r.groups[s.group], g.counts[s.group], &memo{})
	conn := s.conn
	defer func() { conn.Close() }()
	buf := make([]byte, readBytes)
	for {
		want := g.converse(&c, conn, buf)
		if r.over() {
			return
		}
		conn.Close()
		if want == wantOut {
			time.Sleep(redialPause)
		}
		fresh, err := r.dial(r.ctx)
		if err != nil {
			r.lostForGood(c.tally, err)
			return
		}
		c.again()
		conn = fresh
		g.mu.Lock()
		g.conns[i] = fresh
		if r.over() {
			fresh.SetDeadline(time.Unix(1, 0))
		}
		g.mu.Unlock()
	}
}

// converse sends batches and checks their responses until the connection is used up or lost, or the run is over.
func (g *goroutines) converse(c *client, conn net.Conn, buf []byte) next {
	r := g.run
	for !r.over() {
		batch := c.send(r.now())
		conn.SetDeadline(time.Now().Add(r.timeout))
		if r.over() {
			break // the deadline may have come after the tick that ends the run
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
				return wantOut
			}
			if n > 0 {
				want = c.receive(buf[:n], r.now(), r.counts())
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
	}
	return wantOut
}

// endOf is nil for an orderly end.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
