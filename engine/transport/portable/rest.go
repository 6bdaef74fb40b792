package portable

import "net"

// rester is a net.Conn that waits for input without a goroutine of ours: one that lives on the event loop of a library.
type rester interface {
	// Rest has wake called, once and on a goroutine of its own, as soon as a Read would not wait: because of input, the end,
	// the read deadline, or Close. It reports false if that is so already; then the caller reads.
	Rest(wake func()) bool
	// WriteNow is Write that does not wait: it returns how many bytes were taken.
	WriteNow(p []byte) (int, error)
	// Leave takes the connection from its loop, for good, and returns it with what the loop has read.
	Leave() (net.Conn, []byte, error)
}

// rest reports whether the connection rests: then it is no longer the caller's. That it waits has been noted: it may
// be closed, and Notify wakes it.
func (c *conn) rest() bool {
	c.mu.Lock()
	awake := len(c.ahead) > 0 || c.readErr != nil
	c.mu.Unlock()
	return !awake && c.rester.Rest(c.wake)
}
