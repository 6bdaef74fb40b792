package gnet

const (
	// loopsMax bounds Options.Loops.
	loopsMax = 256
	// readMax is what a loop reads at once, in bytes.
	readMax = 64 << 10
	// inputHigh is how much a connection may have sent that nobody has read, in bytes, before it leaves its loop. It has at
	// most readMax more.
	inputHigh = 64 << 10
)
