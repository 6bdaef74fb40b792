package files

import "time"

// Defaults of the bounds in Options.
const (
	// MemoryBytesDefault is the default of Options.MemoryBytesMax, in bytes: what was not used lately goes.
	MemoryBytesDefault = 64 << 20
	// FileBytesDefault is the default of Options.FileBytesMax, in bytes: larger files are not kept in memory.
	FileBytesDefault = 64 << 10
	// RevalidateDefault is the default of Options.Revalidate.
	RevalidateDefault = time.Second
)

// Bounds that are fixed: unit, what happens at the bound.
const (
	// entriesMax bounds the entries of a handler, those of large files included, of which only names and numbers
	// are kept: what was not used lately goes.
	entriesMax = 16 << 10
	// bucketsLen is the size of the entries' table; a full one has four to a bucket.
	bucketsLen = entriesMax / 4
	// entryBytes is what an entry counts in bytes besides its bodies: structure, name, fields. answerBytes is the same
	// for each variant of a ready answer: it has eight heads.
	entryBytes  = 512
	answerBytes = 4 << 10

	// nameBytesMax and elementBytesMax bound a name and each of its elements in bytes: 404 above. They are those of
	// the usual systems, which would refuse more with an error that looks like a fault.
	nameBytesMax    = 4095
	elementBytesMax = 255

	// rangesMax bounds the ranges of a request: with more, which nobody needs and each of which costs a head and a
	// system call, the answer is the whole file (RFC 9110, section 14.2).
	rangesMax = 32
	// listMax bounds the lines of a listing: it says that there are more.
	listMax = 10000
	// loadTries bounds how often a file is read that changes while it is read; then it is sent as a large one is.
	loadTries = 3

	// young is how long after its last change a file may have been changed again without showing it: clocks of file
	// systems are as coarse as two seconds.
	young = 2 * time.Second
)
