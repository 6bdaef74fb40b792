package overtls

import "time"

// Bounds of a layer, with what happens at each.
const (
	// HandshakesMax is the default of Config.HandshakesMax: the handshakes that have a goroutine at the same time. Above it
	// the one that has waited longest is cut. Each costs some 20 KiB: 80 MiB. One that is cut inside a callback of tls.Config
	// has its goroutine until that returns.
	HandshakesMax = 4096

	// recordHeader and recordMax bound a record's header, and what may follow it, in bytes (RFC 5246, section 6.2.3):
	// crypto/tls refuses a longer one by its header alone.
	recordHeader = 5
	recordMax    = 16<<10 + 2048
	// inputMax bounds a connection's plaintext input in bytes. The session's own limits on heads are far below.
	inputMax = 1 << 30
	// outKeepMax bounds an output buffer in bytes that a goroutine keeps from one turn to the next.
	outKeepMax = 128 << 10
	// pieceMax bounds how much plaintext, in bytes, becomes ciphertext ahead of the socket: of a Protocol's output, and
	// of a file.
	pieceMax = 16 << 10
	// answersMax bounds what crypto/tls has written by itself, in bytes, while it waits to be sent: above, the connection
	// ends. An answer to a key update has 27; a turn that is not a handler's has no more than its input, 64 KiB.
	answersMax = 128 << 10
	// farewellMax bounds how long an ending Protocol waits for its last ciphertext to leave: crypto/tls's figure.
	farewellMax = 5 * time.Second
	// panicStackMax bounds the stack, in bytes, that is reported of a callback of tls.Config that panicked.
	panicStackMax = 64 << 10
)
