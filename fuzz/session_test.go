package fuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/internal/netio"
)

// session is one run: a server, its network and its clients, from the first connection to the last descriptor.
type session struct {
	*plan
	r        *rand.Rand
	sim      *netio.Sim
	listener *netio.SimListener
	server   *engine.Server
	handler  *handler
	talks    []*talk
	stop     chan error // what Shutdown said; nil before it was called
	problems []string
	steps    int
}

// play runs seed in a bubble of its own and returns what went wrong. file is for handlers to send.
func play(t *testing.T, seed uint64, file string, logf func(string, ...any)) (s *session) {
	p := newPlan(seed)
	s = &session{plan: p, r: rand.New(rand.NewPCG(seed, 2))}
	synctest.Test(t, func(*testing.T) {
		s.sim = netio.NewSim(seed, p.faults)
		s.sim.Logf = logf
		s.listener = s.sim.Listener()
		s.handler = &handler{asked: p.asked, file: file, served: make(map[string]bool)}
		s.server = &engine.Server{
			Handler: s.handler, Transport: "epoll", Loops: p.loops,
			ReadHeaderTimeout: p.timeout, ReadTimeout: p.timeout, WriteTimeout: p.timeout, IdleTimeout: p.timeout,
		}
		served := make(chan error, 1)
		go func() { served <- s.server.Serve(s.listener) }()
		synctest.Wait()
		for _, c := range p.clients {
			s.talks = append(s.talks, &talk{client: c})
		}
		s.converse()
		s.windUp()
		for i, k := range s.talks {
			for _, problem := range k.judge(s) {
				s.problem("client %d: %s", i, problem)
			}
		}
		s.end(served)
	})
	s.problems = append(s.problems, s.handler.faults...)
	s.problems = append(s.problems, s.sim.Violations()...)
	return s
}

func (s *session) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// step lets the network do one thing and the server all that follows from it.
func (s *session) step() bool {
	s.steps++
	did := s.sim.Step()
	synctest.Wait()
	return did
}

// converse lets the clients speak, the network deliver and time pass, until all clients have said what they have to say.
func (s *session) converse() {
	const stallMax = 300 // turns in which nothing happens, 10 ms each: no handler takes that long
	for stalled := 0; stalled < stallMax; stalled++ {
		k := s.talks[s.r.IntN(len(s.talks))]
		if k.act(s) {
			stalled = 0
		}
		for range s.r.IntN(8) {
			if s.step() {
				stalled = 0
			}
		}
		if stalled > 0 || s.r.IntN(16) == 0 {
			// To the nanosecond: two things that are due at the same time would happen in any order.
			time.Sleep(time.Millisecond + time.Duration(s.r.IntN(20_000_000)))
		}
		if s.stopAfter > 0 && s.steps >= s.stopAfter && s.stop == nil {
			s.shutDown()
		}
		if s.saidAll() {
			return
		}
	}
	for i, k := range s.talks {
		if !k.said {
			s.problem("client %d: stalled after %d of %d bytes, with %q", i, k.at, len(k.sent), k.got)
		}
	}
}

func (s *session) saidAll() bool {
	for _, k := range s.talks {
		if !k.said {
			return false
		}
	}
	return true
}

// windUp lets everybody finish. Clients end their side, but for some that leave that to the server if it has a timeout.
func (s *session) windUp() {
	for i, k := range s.talks {
		if k.sim == nil {
			continue
		}
		k.sim.Pause(false)
		if s.timeout == 0 || i%2 == 0 {
			k.drain(s)
			k.sim.CloseWrite()
		}
	}
	for slept := time.Duration(0); slept < 3*s.timeout+2*time.Second; slept += 100 * time.Millisecond {
		for s.step() {
		}
		open := false
		for _, k := range s.talks {
			k.receive()
			open = open || k.sim != nil && k.end == nil && !k.left
		}
		if !open {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// shutDown begins Shutdown, or calls Close first.
func (s *session) shutDown() {
	s.stop = make(chan error, 1)
	if s.rude {
		s.server.Close()
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		s.stop <- s.server.Shutdown(ctx)
	}()
	synctest.Wait()
}

// end stops the server and looks at what it leaves.
func (s *session) end(served <-chan error) {
	if s.stop == nil {
		s.shutDown()
	}
	for range 40 {
		for s.step() {
		}
		if len(s.stop) > 0 {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if len(s.stop) == 0 {
		s.problem("Shutdown does not return: open connections %d", s.server.Counters().Open)
		s.server.Close()
	}
	if err := <-s.stop; err != nil {
		s.problem("Shutdown: %v", err)
		return
	}
	if err := <-served; !errors.Is(err, transport.ErrStopped) {
		s.problem("Serve: %v", err)
	}
	if n := s.server.Counters().Open; n != 0 {
		s.problem("%d connections are counted as open", n)
	}
	if fds := s.sim.OpenFDs(); len(fds) > 0 {
		s.problem("descriptors are left open: %v", fds)
	}
}

// talk is a client at work.
type talk struct {
	*client
	sim    *netio.SimClient // nil before it has dialled
	next   int              // requests begun, by one that waits
	at     int              // bytes sent
	got    []byte
	end    error // what ended the other direction
	left   bool  // it has gone away
	paused bool
	said   bool
}

// act does the next thing. It reports whether there was one.
func (k *talk) act(s *session) bool {
	if k.said {
		return false
	}
	if k.sim == nil {
		c, err := s.listener.Dial()
		if err != nil {
			k.said = true // the server has stopped
			return true
		}
		k.sim = c
		return true
	}
	if k.pauses && s.r.IntN(6) == 0 {
		k.paused = !k.paused
		k.sim.Pause(k.paused)
	}
	if k.receive(); k.end != nil {
		k.said = true
		return true
	}
	until := len(k.sent)
	switch {
	case k.closes || k.resets:
		until = k.stopAt
	case k.waits:
		until = total(k.requests[:k.next])
		if k.at == until && k.next < len(k.requests) {
			if len(k.got) < len(answers(k.requests[:k.next])) {
				return false
			}
			k.next++
			return true
		}
	}
	if k.at < until {
		n := 1 + s.r.IntN(until-k.at)
		k.sim.Write(k.sent[k.at : k.at+n]) // if it fails, receive will say so
		k.at += n
		return true
	}
	k.said = true
	switch {
	case k.resets:
		k.left = true
		k.sim.Reset()
	case k.closes:
		k.left = true
		k.sim.Close()
	case k.halfClose:
		k.sim.CloseWrite()
	}
	return true
}

// drain receives until all that is asked is answered, for a client that would otherwise end its side. It is not needed
// for the answers: a server must give them to a client that has ended its side as well.
func (k *talk) drain(s *session) {
	for range s.r.IntN(3) {
		s.step()
		k.receive()
	}
}

func (k *talk) receive() {
	if k.sim == nil {
		return
	}
	var b [4096]byte
	for k.end == nil {
		n, err := k.sim.Read(b[:])
		k.got = append(k.got, b[:n]...)
		if err == netio.ErrAgain {
			return
		}
		k.end = err
	}
}

// answers to requests that come one behind the other on a connection.
func answers(requests []*request) (b []byte) {
	for _, q := range requests {
		b = append(b, q.answer()...)
		if q.ends {
			break
		}
	}
	return b
}

// judge compares what the client has got with what it asked for.
func (k *talk) judge(s *session) (problems []string) {
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	if k.sim == nil {
		return nil
	}
	whole, asked, at := 0, 0, 0 // requests: sent to the end, begun
	for _, q := range k.requests {
		if at < k.at {
			asked++
		}
		if at += len(q.wire); at <= k.at && q.whole {
			whole++
		}
	}
	must, may := answers(k.requests[:whole]), answers(k.requests[:asked])
	state := k.sim.State()
	if !bytes.HasPrefix(may, k.got) {
		problem("got %q, which does not belong to %q", k.got, may)
	}
	stopped := s.stop != nil
	switch {
	case k.left:
	case state.Reset:
		if !k.mayBeReset(s, asked) {
			problem("reset by the server after %d of %d bytes", len(k.got), len(must))
		}
	case !state.Ended:
		if !stopped {
			problem("not ended: %+v, with %d of %d bytes", state, len(k.got), len(must))
		}
	case stopped:
		if !s.rude && len(k.got) < len(must) && !k.between() {
			problem("the server stopped in the middle of an answer: %q of %q", k.got, must)
		}
	case !bytes.HasPrefix(k.got, must):
		problem("got %q, not all of %q", k.got, must)
	}
	return problems
}

// mayBeReset: the network did it, or a handler, or bytes that the server had no reason to wait for came after the end.
func (k *talk) mayBeReset(s *session, asked int) bool {
	if s.faults.Reset > 0 || s.faults.Aborted > 0 || s.stop != nil {
		return true
	}
	for i, q := range k.requests[:asked] {
		if q.kind == panics || q.kind == exits || q.ends && i < asked-1 {
			return true
		}
	}
	return false
}

// between reports whether what it got ends with an answer.
func (k *talk) between() bool {
	for n := range len(k.requests) + 1 {
		if b := answers(k.requests[:n]); len(b) == len(k.got) {
			return true
		}
	}
	return false
}
