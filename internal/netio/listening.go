package netio

// Listening are options of a TCP socket that is going to listen. On Linux its connections inherit them.
type Listening struct {
	// KeepAliveIdle and KeepAliveInterval are seconds: until the first probe, and between two. KeepAliveCount is how many
	// of them may stay without an answer. All are at least 1, or all are 0: keep-alive is not set here.
	KeepAliveIdle, KeepAliveInterval, KeepAliveCount int
	// DeferAccept is for how many seconds a connection that has sent nothing stays with the kernel; 0: not at all.
	DeferAccept int
	// FastOpen bounds the connections whose first bytes came with their SYN and whose handshake is not over; 0: none may.
	FastOpen int
}
