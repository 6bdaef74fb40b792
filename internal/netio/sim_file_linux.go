package netio

import "golang.org/x/sys/unix"

// readFile reads a real file from its offset, for a pretend SendFile.
func readFile(fd int, p []byte) (int, error) {
	n, err := unix.Read(fd, p)
	return max(n, 0), err
}
