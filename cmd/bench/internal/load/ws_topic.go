package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/wsproto"
)

// topic is a publisher and what its subscribers have to get: messages with consecutive numbers, each once, in order. They begin
// with their number, from 1 on, and the time in the run at which they were published; those with the number 0 only find out
// whether everybody has subscribed.
//
// In a closed loop the next message is published when all subscribers have had all but the last few. With a rate it is published
// when it is due, and latency counts from then.
type topic struct {
	rate    float64 // messages a second; 0: a closed loop
	depth   int     // of a closed loop: messages on their way
	stalled int     // subscribers besides, which never read
	size    int
	rest    []byte // of a message, behind number and time

	tally       *Tally
	subscribers int
	wanted      atomic.Int64 // deliveries that the publisher waits for
	delivered   atomic.Int64
	all         chan struct{} // has a value when wanted is reached
	published   uint64
}

const (
	topicHead    = 16 // bytes of number and time
	subscribing  = time.Millisecond
	drainAtMost  = 5 * time.Second
	stalledBytes = 4 << 10 // the receive buffer of a subscriber that does not read: what the kernel hides is not the server's
)

func newTopic(rate float64, depth, size int) *topic {
	return &topic{rate: rate, depth: depth, size: size, rest: []byte(pattern.Of(size))[topicHead:]}
}

// Subscribe makes a WebSocket request one of subscribers: with a rate above 0 so many messages a second are published, with 0 the
// next when all have had the last, or the last but depth.
func (r *Request) Subscribe(rate float64, depth int) {
	r.socket.topic = newTopic(rate, depth, r.socket.size)
}

// Stall has so many subscribers besides those of the group stop reading in the next run.
func (g *Group) Stall(n int) { g.Requests[0].socket.topic.stalled = n }

// delivery checks one message and reports whether it is good.
func (s *socketClient) delivery(t *Tally, e wsproto.Event, now int64, counts bool) bool {
	p := e.Payload
	if len(p) != s.size || e.Opcode != wsproto.Binary || !bytes.Equal(p[topicHead:], s.topic.rest) {
		t.fail("wrong message", "%d bytes %q with opcode %d", len(p), Cut(p), e.Opcode)
		return false
	}
	number := binary.BigEndian.Uint64(p)
	if number == 0 {
		return false
	}
	switch want := s.last + 1; {
	case s.fresh:
		s.fresh = false
	case number < want:
		t.fail("duplicate", "message %d came after %d", number, s.last)
		return false
	case number > want:
		t.fail("lost", "message %d came after %d", number, s.last)
	}
	s.last = number
	if counts {
		t.Requests++
		t.latency(now-int64(binary.BigEndian.Uint64(p[8:])), 1)
	}
	return true
}

// deliveredMore counts deliveries, and wakes the publisher if it has waited for the last of them.
func (t *topic) deliveredMore(n int) {
	d, w := t.delivered.Add(int64(n)), t.wanted.Load()
	if d >= w && d-int64(n) < w {
		t.wake()
	}
}

func (t *topic) wake() {
	select {
	case t.all <- struct{}{}:
	default:
	}
}

// reset prepares a run with so many subscribers.
func (t *topic) reset(subscribers int) {
	t.tally, t.subscribers, t.published = NewTally(), subscribers, 0
	t.wanted.Store(0)
	t.delivered.Store(0)
	t.all = make(chan struct{}, 1)
}

// await waits until the subscribers have had n messages each. It reports false when limit is over or the run is.
func (t *topic) await(ctx context.Context, n uint64, limit time.Duration) bool {
	want := int64(n) * int64(t.subscribers)
	t.wanted.Store(want)
	late := time.NewTimer(limit)
	defer late.Stop()
	for t.delivered.Load() < want {
		select {
		case <-t.all:
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// publish publishes until the measured part of the run is over, and waits for the last deliveries.
func (t *topic) publish(r *Run, req *Request) {
	fail := func(kind, format string, args ...any) {
		if r.ctx.Err() == nil && !r.over() {
			t.tally.lockedFail(kind, format, args...)
		}
	}
	for range t.stalled {
		conn, err := r.dialSocket(r.ctx, req, func(tcp *net.TCPConn) { tcp.SetReadBuffer(stalledBytes) })
		if err != nil {
			fail("connect: "+kindOf(err), "%v", err)
			return
		}
		defer conn.Close()
	}
	p, err := newPublisher(r.ctx, req, r.Timeout)
	if err != nil {
		fail("connect: "+kindOf(err), "%v", err)
		return
	}
	defer p.conn.Close()
	message := append(make([]byte, topicHead), t.rest...)
	for begun := time.Now(); ; {
		n, err := p.post(message)
		if err != nil {
			fail("publish", "%v", err)
			return
		}
		if t.right(n) {
			break
		}
		if time.Since(begun) > r.Timeout {
			fail("subscribers", "the server counts %d subscribers instead of %d", n, t.subscribers)
			return
		}
		if Sleep(r.ctx, subscribing) != nil {
			return
		}
	}
	begun := r.now()
	for number := uint64(1); ; number++ {
		var at int64
		if t.rate > 0 {
			at = begun + int64(float64(number)/t.rate*1e9)
			if d := at - r.now(); d > 0 && Sleep(r.ctx, time.Duration(d)) != nil {
				return
			}
		} else if back := uint64(t.depth); number > back && !t.await(r.ctx, number-back, r.Timeout) {
			fail("lost", "%d of %d deliveries of the first %d messages in %v", t.delivered.Load(), t.wanted.Load(), number-back, r.Timeout)
			return
		} else {
			at = r.now()
		}
		if r.phase.Load() >= phaseDrain {
			break
		}
		binary.BigEndian.PutUint64(message, number)
		binary.BigEndian.PutUint64(message[8:], uint64(at))
		n, err := p.post(message)
		if err != nil {
			fail("publish", "%v", err)
			return
		}
		if t.published = number; !t.right(n) {
			fail("subscribers", "the server counts %d subscribers instead of %d", n, t.subscribers)
			return
		}
	}
	if !t.await(r.ctx, t.published, min(drainAtMost, r.Timeout)) {
		fail("lost", "%d of %d deliveries of %d messages came", t.delivered.Load(), t.wanted.Load(), t.published)
	}
}

// ProbeTopic publishes one message and expects a number of subscribers.
func (r *Request) ProbeTopic(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := newPublisher(ctx, r, timeout)
	if err != nil {
		return err
	}
	_, err = p.post(make([]byte, r.socket.size))
	return err
}

// right reports whether n can be the number of subscribers. One that does not read may have been dropped.
func (t *topic) right(n int) bool { return t.subscribers <= n && n <= t.subscribers+t.stalled }

// publisher posts to a topic over a connection of its own.
type publisher struct {
	conn    net.Conn
	in      *bufio.Reader
	head    []byte
	timeout time.Duration
}

func newPublisher(ctx context.Context, r *Request, timeout time.Duration) (*publisher, error) {
	conn, err := r.dial(ctx, timeout)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	s := r.socket
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", s.opening.Target, s.opening.Host, s.size)
	return &publisher{conn, bufio.NewReader(conn), []byte(head), timeout}, nil
}

// post publishes a message and returns the number of subscribers.
func (p *publisher) post(message []byte) (int, error) {
	p.conn.SetDeadline(time.Now().Add(p.timeout))
	if _, err := (&net.Buffers{p.head, message}).WriteTo(p.conn); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil || resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("POST to the topic is answered with %d %q, want 200 and the number of subscribers", resp.StatusCode, Cut(body))
	}
	return n, nil
}
