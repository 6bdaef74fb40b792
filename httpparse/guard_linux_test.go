package httpparse

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every prefix of every input, with an unreadable page behind its last byte: a read past the end is a fault, not luck.
func TestGuardWall(t *testing.T) {
	page := syscall.Getpagesize()
	mem, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	defer syscall.Munmap(mem)
	require.NoError(t, syscall.Mprotect(mem[2*page:], syscall.PROT_NONE))
	atWall := func(b []byte) []byte {
		at := mem[2*page-len(b) : 2*page]
		copy(at, b)
		return at
	}
	for _, b := range allHeads() {
		for k := range len(b) + 1 {
			var r Request
			_, err := r.Parse(atWall(b[:k]))
			if k == len(b) {
				require.NotEqual(t, ErrNeedMore, err)
			}
		}
	}
	for _, b := range allBodies() {
		for k := range len(b) + 1 {
			var c Chunked
			_, _, _, err := decodeAll(&c, atWall(b[:k]), atOnce)
			require.Error(t, err)
		}
	}
}
