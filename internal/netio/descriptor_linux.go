package netio

// SendNow gives the kernel what it takes of p now, and returns ErrAgain if that is nothing.
func SendNow(fd int, p []byte) (int, error) { return send(fd, p, 0) }
