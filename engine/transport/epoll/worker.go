package epoll

import (
	"time"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// worker is a goroutine of the runner with what it brings to a turn. It holds a loop's baton, or runs a lent connection,
// or is a spare, parked until one of the two is wanted.
type worker struct {
	r    *Runner
	task chan task
	turn transport.Turn
	// scratch is what a holder reads into; spares have none.
	scratch *transport.Buffer
	// out is the output buffer, kept from turn to turn.
	out []byte
	// What it is at, for the goroutine that ends in the middle (runtime.Goexit in a handler).
	loop *loop
	conn *conn
}

// task is what a spare is woken for: a loop whose baton it is to take, or a lent connection.
type task struct {
	loop *loop
	conn *conn
}

// start gives t to a spare, the one that was busy last, whose stack is warm; or to a new worker.
func (r *Runner) start(t task) {
	r.spares.Lock()
	if n := len(r.spares.list); n > 0 {
		w := r.spares.list[n-1]
		r.spares.list[n-1] = nil
		r.spares.list = r.spares.list[:n-1]
		r.spares.Unlock()
		w.task <- t
		return
	}
	r.spares.Unlock()
	w := &worker{r: r, task: make(chan task, 1)}
	go w.main(t)
}

// join puts w among the spares. It reports false if there are enough or the runner has ended.
func (r *Runner) join(w *worker) bool {
	if w.scratch != nil {
		w.scratch.Keep(false)
		w.scratch.Free()
		w.scratch = nil
	}
	r.spares.Lock()
	defer r.spares.Unlock()
	if r.spares.closed || len(r.spares.list) >= sparesMax {
		return false
	}
	r.spares.list = append(r.spares.list, w)
	return true
}

// dismiss ends all spares, now and to come.
func (r *Runner) dismiss() {
	r.spares.Lock()
	defer r.spares.Unlock()
	r.spares.closed = true
	for _, w := range r.spares.list {
		close(w.task)
	}
	r.spares.list = nil
}

func (w *worker) main(t task) {
	defer w.escaped()
	for ok := true; ok; t, ok = <-w.task {
		if t.loop != nil {
			t.loop.run(w)
		} else {
			w.serve(t.conn)
		}
		if !w.r.join(w) {
			return
		}
	}
}

// escaped runs when the goroutine ends. If that is in the middle of a session (runtime.Goexit in a handler, as
// testing.T.FailNow does it), the connection is cut, unless it was hijacked, and somebody else goes on with the loop.
func (w *worker) escaped() {
	c, l := w.conn, w.loop
	if c == nil {
		return
	}
	if c.word.Load()&lent != 0 {
		next := transport.Abort
		if c.loan.Load().hijacked { // by this goroutine: nothing of the connection is ours to cut
			next = transport.Gone
		}
		w.giveBack(c, next)
		return
	}
	c.rest = w.leaveTurn()
	l.close(c, errGoexit, true)
	w.r.start(task{loop: l})
}

// enter prepares the turn for c: its input, or the empty scratch.
func (w *worker) enter(c *conn, now time.Time) {
	t := &w.turn
	if c.rest != nil {
		t.Adopt(c.rest)
		c.rest = nil
	} else {
		if w.scratch == nil {
			w.scratch = transport.NewBuffer(transport.BufferLarge)
			w.scratch.Keep(true)
		}
		w.scratch.Reset()
		t.Adopt(w.scratch)
	}
	t.Out = w.out[:0]
	t.EOF = c.eof
	t.Now = now
	w.conn = c
}

// leaveTurn ends the turn and returns the input that is left, in a buffer that is not the scratch, or nil.
func (w *worker) leaveTurn() *transport.Buffer {
	t := &w.turn
	w.conn = nil
	if cap(t.Out) <= outKeepMax {
		w.out = t.Out[:0]
	} else {
		w.out = nil
	}
	t.Out = nil
	scratch := w.scratch
	b := t.Release()
	switch {
	case b == nil:
		return nil
	case b == scratch:
		if b.Len() == 0 {
			return nil
		}
		return b.Shrunk()
	case b.Len() == 0:
		b.Free()
		return nil
	}
	return b
}
