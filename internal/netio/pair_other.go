//go:build !linux && !darwin

package netio

// Pair has no implementation here: ErrUnsupported.
func Pair() (a, b int, err error) { return -1, -1, ErrUnsupported }
