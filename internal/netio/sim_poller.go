package netio

import (
	"runtime"
	"slices"
)

// simPoller does what epoll does: a list of those with news, in the order in which it came.
type simPoller struct {
	s       *Sim
	fd      int
	closed  bool
	woken   bool
	bell    chan struct{} // holds one ring; made in the bubble
	watches []*simWatch
	news    []*simWatch
	stale   []Event  // to report although their descriptors are gone
	gone    []uint64 // data of those forgotten, the latest simStaleMax
	order   stream
	spin    simSpin // parked Waits that found news
	choked  bool    // parked until a step, as the server spins: or the test would never get to see the violation
}

// simWatch is one descriptor in one poller.
type simWatch struct {
	p      *simPoller
	fd     int
	data   uint64
	ready  func() Flags
	level  bool
	listed bool // in p.news
}

// NewPoller is Kernel's.
func (s *Sim) NewPoller() (Poller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polls.chance(s.faults.NewPoller) {
		return nil, ErrExhausted
	}
	p := &simPoller{s: s, bell: make(chan struct{}, 1), order: newStream(s.seed, forWaits, s.made)}
	s.made++
	p.fd = s.install(p)
	s.pollers = append(s.pollers, p)
	return p, nil
}

// Add is Poller's.
func (p *simPoller) Add(fd int, data uint64) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	c, ok := p.s.file(fd).(*simConn)
	if !ok {
		return p.s.violate("Add: descriptor %d is not an open connection", fd)
	}
	return p.watch(&c.watches, &simWatch{p: p, fd: fd, data: data, ready: c.ready})
}

// AddListener is Poller's.
func (p *simPoller) AddListener(fd int, data uint64) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	l, ok := p.s.file(fd).(*simListener)
	if !ok {
		return p.s.violate("AddListener: descriptor %d is not a listener", fd)
	}
	return p.watch(&l.watches, &simWatch{p: p, fd: fd, data: data, ready: l.ready, level: true})
}

func (p *simPoller) watch(of *[]*simWatch, w *simWatch) error {
	if p.closed {
		return ErrClosed
	}
	if w.data == ^uint64(0) {
		return errSimInvalid
	}
	if slices.ContainsFunc(p.watches, func(o *simWatch) bool { return o.fd == w.fd }) {
		p.s.violate("Add: descriptor %d is watched already", w.fd)
		return errSimWatched
	}
	p.watches = append(p.watches, w)
	*of = append(*of, w)
	if w.ready() != 0 {
		w.edge()
	}
	return nil
}

// Remove is Poller's.
func (p *simPoller) Remove(fd int) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	of := p.s.watchesOf(fd)
	if of == nil {
		return p.s.violate("Remove: descriptor %d is not open", fd)
	}
	i := slices.IndexFunc(*of, func(w *simWatch) bool { return w.p == p })
	if i < 0 {
		p.s.violate("Remove: descriptor %d is not watched", fd)
		return errSimUnknown
	}
	(*of)[i].forget()
	*of = slices.Delete(*of, i, i+1)
	return nil
}

func (s *Sim) watchesOf(fd int) *[]*simWatch {
	switch f := s.file(fd).(type) {
	case *simConn:
		return &f.watches
	case *simListener:
		return &f.watches
	}
	return nil
}

// unwatchAll: the descriptor is being closed.
func (s *Sim) unwatchAll(watches []*simWatch) {
	for _, w := range watches {
		w.forget()
	}
}

// forget takes w out of its poller, with the news of it that nobody has taken.
func (w *simWatch) forget() {
	p := w.p
	is := func(o *simWatch) bool { return o == w }
	p.watches, p.news = slices.DeleteFunc(p.watches, is), slices.DeleteFunc(p.news, is)
	if p.gone = append(p.gone, w.data); len(p.gone) > simStaleMax {
		p.gone = p.gone[1:]
	}
}

// edge tells all who watch that there is news.
func (s *Sim) edge(watches []*simWatch) {
	for _, w := range watches {
		w.edge()
	}
}

func (w *simWatch) edge() {
	if !w.listed {
		w.listed = true
		w.p.news = append(w.p.news, w)
	}
	w.p.ring()
}

func (p *simPoller) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// repeatStale makes up an event for a descriptor that is gone.
func (p *simPoller) repeatStale(from *stream) {
	if len(p.gone) > 0 && len(p.stale) < simStaleMax {
		p.stale = append(p.stale, Event{Data: p.gone[from.below(len(p.gone))], Flags: Flags(1 + from.below(31))})
		p.ring()
	}
}

// Wait is Poller's.
func (p *simPoller) Wait(events []Event, park bool) (int, error) {
	if len(events) == 0 {
		return 0, errSimInvalid
	}
	for {
		n, done, err := p.look(events, park)
		if done || !park {
			return n, err
		}
		<-p.bell
	}
}

// look collects news. done: a parked Wait returns.
func (p *simPoller) look(events []Event, park bool) (n int, done bool, err error) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.closed {
		return 0, true, ErrClosed
	}
	if park && p.choked {
		return 0, false, nil
	}
	n = copy(events, p.stale)
	p.stale = p.stale[:copy(p.stale, p.stale[n:])]
	var kept []*simWatch
	for i, w := range p.news {
		if n == len(events) {
			kept = append(kept, p.news[i:]...)
			break
		}
		w.listed = false
		if f := w.ready(); f != 0 {
			events[n] = Event{Data: w.data, Flags: f}
			n++
			if w.level {
				kept = append(kept, w)
				w.listed = true
			}
		}
	}
	p.news = kept
	if n > 1 && p.order.chance(p.s.faults.Reorder) {
		for i := n - 1; i > 0; i-- {
			j := p.order.below(i + 1)
			events[i], events[j] = events[j], events[i]
		}
	}
	if park && n > 0 {
		p.choked = p.spin.turn(p.s, "Wait", p.fd)
	}
	done = n > 0 || p.woken
	if park && done {
		p.woken = false
	}
	return n, done, nil
}

// Wake is Poller's.
func (p *simPoller) Wake() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.woken = true
	p.ring()
}

// Cycle is Poller's: there is no runtime's poller to go through, so it yields.
func (p *simPoller) Cycle() error {
	runtime.Gosched()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	return nil
}

// Close is Poller's.
func (p *simPoller) Close() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.closed = true
	for _, w := range slices.Clone(p.watches) {
		of := p.s.watchesOf(w.fd)
		*of = slices.DeleteFunc(*of, func(o *simWatch) bool { return o == w })
	}
	p.watches, p.news = nil, nil
	p.s.pollers = slices.DeleteFunc(p.s.pollers, func(o *simPoller) bool { return o == p })
	p.s.files[p.fd-simFirstFD] = nil
	p.ring()
	return nil
}
