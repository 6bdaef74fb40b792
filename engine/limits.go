package engine

const (
	// LoopsMax bounds Server.Loops.
	LoopsMax = 256
	// HeadBytesDefault is the default of Server.HeadBytesMax in bytes.
	HeadBytesDefault = 64 << 10
)
