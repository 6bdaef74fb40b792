package wsproto

import "math"

// Limits bound what a peer can make a Reader do. A value of 0 stands for the default.
type Limits struct {
	// MessageBytesMax bounds a message, inflated where it came deflated. Default 1 MiB; at most a quarter of the largest int.
	// Above it: ErrMessageSize or ErrInflatedSize, close code 1009.
	MessageBytesMax int
	// FrameBytesMax bounds the payload of one frame as its header announces it, compressed or not. Default: no bound but that
	// of the message. Above it: ErrFrameSize, close code 1009.
	FrameBytesMax int
	// FragmentsMax bounds the frames of one message, because empty ones cost the sender little and grow no sum.
	// Default 131,072, which is 8 MiB in frames of 64 bytes; at most 16,777,216. Above it: ErrFragments, close code 1008.
	FragmentsMax int
}

const (
	messageBytesMax = 1 << 20
	fragmentsMax    = 1 << 17
)

// What limits are cut down to, so that sums of them do not overflow.
const (
	messageBytesHighest = math.MaxInt / 4
	fragmentsHighest    = 1 << 24
)

func (l Limits) withDefaults() Limits {
	if l.MessageBytesMax <= 0 {
		l.MessageBytesMax = messageBytesMax
	}
	l.MessageBytesMax = min(l.MessageBytesMax, messageBytesHighest)
	if l.FrameBytesMax <= 0 {
		l.FrameBytesMax = math.MaxInt
	}
	if l.FragmentsMax <= 0 {
		l.FragmentsMax = fragmentsMax
	}
	l.FragmentsMax = min(l.FragmentsMax, fragmentsHighest)
	return l
}

// fragmentBytesExtra is what a fragment may have that says nothing: the header of a stored block takes five bytes, the empty
// block that flushes five more, and fixed codes for a few bytes the rest.
const fragmentBytesExtra = 16

// wireMax bounds the frames of a compressed message together: what deflate cannot compress it stores, with five bytes for
// each 64 KB or less, and a sender that compresses fragment by fragment flushes with each. So a message of MessageBytesMax
// fits, however it was compressed; without this bound, blocks of nothing could be collected for ever.
func (l Limits) wireMax(fragments int) int {
	return l.MessageBytesMax + l.MessageBytesMax>>8 + 1024 + fragments*fragmentBytesExtra
}

// Buffers is where a Reader gets memory for messages that do not lie in one piece in its input. Get returns a buffer
// with at least that capacity, and Put takes back one that Get returned, at the latest when the next message needs one.
// A Reader calls them from the goroutine that calls the Reader, so one free list for each loop needs no lock.
type Buffers interface {
	Get(capacity int) []byte
	Put([]byte)
}

// heap is the Buffers of those who bring none.
type heap struct{}

func (heap) Get(capacity int) []byte { return make([]byte, 0, capacity) }
func (heap) Put([]byte)              {}

// growthMin is the least capacity asked for when nobody knows how much is to come.
const growthMin = 512

// grow returns b with room for n more bytes. It at least doubles, because a peer that announces a long message may
// never send it: memory follows what has come, not what has been promised. most bounds the capacity where that is not
// less than what is needed.
func grow(from Buffers, b []byte, n, most int) []byte {
	need := len(b) + n
	if need <= cap(b) {
		return b
	}
	bigger := append(from.Get(max(need, min(max(2*need, growthMin), most))), b...)
	if cap(b) > 0 {
		from.Put(b[:0])
	}
	return bigger
}
