package websocket

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/wsproto"
)

// Topics are names that connections subscribe to and messages are published under, in this process. The zero value is
// ready, connections of any Endpoint may be members, and any goroutine may use it. It is not copied after its first use.
//
// A topic is there as long as it has a member or a kept message.
type Topics struct {
	// Keep has each topic keep the last message that was published, and whoever subscribes gets that first. Kept messages
	// stay until Forget.
	Keep bool
	// Level is the level with which messages are compressed for connections that have agreed on that, 1 (fast) to 9
	// (small). Default 1.
	Level int
	// Forward is called with each message that Publish and PublishFrom are given, before they deliver it: here a program
	// can send it to other processes, which Deliver it to their connections. It must not keep m.Data.
	Forward func(topic string, m Message)

	mu       sync.RWMutex
	topics   map[string]*topic
	couriers map[transport.Loop]*courier
	dropped  atomic.Uint64
}

// topic is a name with members. Locks are taken in this order: topic.mu, shard.mu, then Conn.mu or
// courier.mu; Topics.mu is the last.
type topic struct {
	of   *Topics
	name string

	mu     sync.Mutex
	shards map[transport.Loop]*shard
	count  int          // members
	keen   atomic.Int64 // those among them who have agreed on compression
	seq    uint64       // messages published
	kept   *post        // without sender, who may be gone
	dead   bool         // removed from of.topics
}

// post is a message on its way.
type post struct {
	p    *wsproto.Prepared
	size int
	seq  uint64
	from *Conn // does not get it
}

// Subscribe makes c a member of a topic until Unsubscribe, or until the connection ends. It reports whether it is one now
// and was none before: not so if it is closed, or has been a member. It gets the messages that are published from now
// on, and with Keep the last one before. It takes time in proportion to the memberships that c has, which the program bounds,
// and so do Unsubscribe and PublishFrom.
func (ts *Topics) Subscribe(c *Conn, name string) bool {
	for {
		t := ts.topic(name)
		t.mu.Lock()
		if t.dead {
			t.mu.Unlock()
			continue
		}
		added := t.add(c)
		if t.count == 0 && t.kept == nil {
			t.remove()
		}
		t.mu.Unlock()
		return added
	}
}

// topic returns the topic with that name, a new one if there is none.
func (ts *Topics) topic(name string) *topic {
	if t := ts.find(name); t != nil {
		return t
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.topics[name]
	if t == nil {
		if ts.topics == nil {
			ts.topics = map[string]*topic{}
		}
		t = &topic{of: ts, name: name, shards: map[transport.Loop]*shard{}}
		ts.topics[name] = t
	}
	return t
}

func (ts *Topics) find(name string) *topic {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	return ts.topics[name]
}

// Unsubscribe ends a membership. It reports whether there was one. What was published before is sent at once, so it may come
// before what was published under other names before it; what is published later is not sent.
func (ts *Topics) Unsubscribe(c *Conn, name string) bool {
	t := ts.find(name)
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.mu.Lock()
	m := c.unlink(t)
	c.mu.Unlock()
	if m == nil {
		return false
	}
	t.leave(m)
	return true
}

// Publish sends a message to the members of a topic, and returns how many they are. What is published later comes later, to
// each of them, also under other names as long as it is a member; what Send is given meanwhile may come first. It does not wait
// for them, but compresses the message if one of them has agreed on that, and waits for a loop that is BacklogMax messages
// behind. It keeps nothing of m.Data.
func (ts *Topics) Publish(topic string, m Message) (members int) {
	return ts.PublishFrom(nil, topic, m)
}

// PublishFrom is Publish for all members but one.
func (ts *Topics) PublishFrom(from *Conn, topic string, m Message) (members int) {
	if ts.Forward != nil {
		ts.Forward(topic, m)
	}
	return ts.deliver(from, topic, m)
}

// Deliver is Publish for a message of another process: it is not forwarded.
func (ts *Topics) Deliver(topic string, m Message) (members int) { return ts.deliver(nil, topic, m) }

func (ts *Topics) deliver(from *Conn, name string, m Message) int {
	if m.Opcode != wsproto.Text && m.Opcode != wsproto.Binary {
		panic("websocket: " + ErrOpcode.Error())
	}
	var t *topic
	if ts.Keep {
		t = ts.topic(name)
	} else if t = ts.find(name); t == nil {
		return 0
	}
	p := &post{p: wsproto.Prepare(m.Opcode, m.Data, max(ts.Level, 1)), size: len(m.Data), from: from}
	if t.keen.Load() > 0 {
		p.p.Compress() // here, and not on a loop
	}
	for {
		t.mu.Lock()
		if !t.dead {
			break
		}
		t.mu.Unlock()
		if !ts.Keep {
			return 0
		}
		t = ts.topic(name)
	}
	t.seq++
	p.seq = t.seq
	if ts.Keep {
		t.kept = &post{p: p.p, size: p.size, seq: 1}
	}
	members := t.count
	if from != nil {
		from.mu.Lock()
		if from.linked(t) {
			members--
		}
		from.mu.Unlock()
	}
	var behind *courier
	for _, s := range t.shards {
		if s.post(p) {
			behind = s.k
		}
	}
	t.mu.Unlock()
	if behind != nil {
		behind.wait()
	}
	return members
}

// remove takes a topic without members off the list. t.mu is held.
func (t *topic) remove() {
	t.dead = true
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	delete(t.of.topics, t.name)
	for _, s := range t.shards {
		t.of.dismiss(s.k)
	}
}

// Count returns how many members a topic has.
func (ts *Topics) Count(name string) int {
	t := ts.find(name)
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Dropped returns how often a member has not been given a message, so far, because its loop was twice BacklogMax messages
// behind. What its own queue had no room for is counted by its Endpoint.
func (ts *Topics) Dropped() uint64 { return ts.dropped.Load() }

// Counts returns how many members each topic has that has any.
func (ts *Topics) Counts() map[string]int {
	ts.mu.RLock()
	topics := slices.Collect(maps.Values(ts.topics))
	ts.mu.RUnlock()
	counts := make(map[string]int, len(topics))
	for _, t := range topics {
		t.mu.Lock()
		if t.count > 0 {
			counts[t.name] = t.count
		}
		t.mu.Unlock()
	}
	return counts
}

// Forget drops the kept message of a topic.
func (ts *Topics) Forget(name string) {
	if t := ts.find(name); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.kept = nil
		if t.count == 0 && !t.dead {
			t.remove()
		}
	}
}
