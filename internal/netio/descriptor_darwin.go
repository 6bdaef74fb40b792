package netio

import "golang.org/x/sys/unix"

// SendNow gives the kernel what it takes of p now, and returns ErrAgain if that is nothing. The socket must be non-blocking.
func SendNow(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Write(fd, p)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, ErrAgain
		case unix.EPIPE, unix.ECONNRESET, unix.ETIMEDOUT:
			return 0, ErrReset
		default:
			return 0, err
		}
	}
}
