package files

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// cache holds entries by their keys. find takes no lock and allocates nothing: a bucket is a slice that is replaced, never
// changed. What is too much goes by second chance: a hand goes round the entries, and takes the first that has not been
// found since it last came by.
type cache struct {
	seed     maphash.Seed // of its own, so that nobody can choose names that share a bucket
	buckets  [bucketsLen]atomic.Pointer[[]*entry]
	bytesMax int64

	mu    sync.Mutex // guards changes; nobody does I/O under it
	ring  []*entry
	hand  int
	bytes int64
}

func newCache(bytesMax int64) *cache {
	return &cache{seed: maphash.MakeSeed(), bytesMax: bytesMax}
}

func (c *cache) bucket(key string) *atomic.Pointer[[]*entry] {
	return &c.buckets[maphash.String(c.seed, key)%bucketsLen]
}

// find returns the entry with that key, or nil.
func (c *cache) find(key []byte) *entry {
	list := c.buckets[maphash.Bytes(c.seed, key)%bucketsLen].Load()
	if list == nil {
		return nil
	}
	for _, e := range *list {
		if e.key == string(key) {
			if !e.used.Load() { // a store would take the line from other processors each time
				e.used.Store(true)
			}
			return e
		}
	}
	return nil
}

// put adds e, in the place of the entry with the same key.
func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if list := c.bucket(e.key).Load(); list != nil {
		for _, old := range *list {
			if old.key == e.key {
				c.drop(old)
				break
			}
		}
	}
	for len(c.ring) >= entriesMax || len(c.ring) > 0 && c.bytes+e.bytes > c.bytesMax && e.bytes > 0 {
		c.evict()
	}
	b := c.bucket(e.key)
	var list []*entry
	if old := b.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = append(list, e)
	b.Store(&list)
	e.at = len(c.ring)
	c.ring = append(c.ring, e)
	c.bytes += e.bytes
}

// remove removes e, if it is still there.
func (c *cache) remove(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.at < len(c.ring) && c.ring[e.at] == e {
		c.drop(e)
	}
}

// evict drops one entry. It goes round twice at most: the first time it takes every second chance.
func (c *cache) evict() {
	for {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		e := c.ring[c.hand]
		if !e.used.Swap(false) {
			c.drop(e)
			return
		}
		c.hand++
	}
}

// drop takes e out of its bucket and out of the ring, where the last one takes its place.
func (c *cache) drop(e *entry) {
	b := c.bucket(e.key)
	list := slices.DeleteFunc(slices.Clone(*b.Load()), func(other *entry) bool { return other == e })
	if len(list) == 0 {
		b.Store(nil)
	} else {
		b.Store(&list)
	}
	last := len(c.ring) - 1
	c.ring[e.at] = c.ring[last]
	c.ring[e.at].at = e.at
	c.ring[last] = nil
	c.ring = c.ring[:last]
	c.bytes -= e.bytes
}
