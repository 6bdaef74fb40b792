package compress

// Defaults of Options' bounds, and the bounds that are fixed: unit, what happens at the bound.
const (
	// SizeMinDefault is the default of Options.SizeMin in bytes: below, bodies are sent as they are. An answer of that size
	// fits into one packet either way.
	SizeMinDefault = 1024
	// EncodersDefault is the default of Options.EncodersMax: above, answers are sent as they are. At the default levels an
	// encoder takes about 1 MiB.
	EncodersDefault = 256
	// zstdWindow bounds what a zstd encoder remembers, in bytes, and what the client has to: matches end there. RFC 9659
	// allows 8 MiB; more than this gains little and costs each encoder that much.
	zstdWindow = 128 << 10
	// gzipLevel and zstdLevel are the defaults of Options.GzipLevel and Options.ZstdLevel: BenchmarkLevels has the
	// figures.
	gzipLevel = 6
	zstdLevel = 1
)
