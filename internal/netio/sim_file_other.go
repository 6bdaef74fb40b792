//go:build !linux

package netio

func readFile(fd int, p []byte) (int, error) { return 0, ErrUnsupported }
