//go:build !linux && !darwin

package netio

// SetReusePort has no implementation here: ErrUnsupported.
func SetReusePort(fd int) error { return ErrUnsupported }

// SetPrivate has no implementation here: ErrUnsupported.
func SetPrivate(fd int) error { return ErrUnsupported }

// Dup has no implementation here: ErrUnsupported.
func Dup(fd int) (int, error) { return -1, ErrUnsupported }

// Own has no implementation here: ErrUnsupported.
func Own(fd int) error { return ErrUnsupported }

// IsListening has no implementation here: ErrUnsupported.
func IsListening(fd int) error { return ErrUnsupported }

// Monotonic has no implementation here: ErrUnsupported.
func Monotonic() (int64, error) { return 0, ErrUnsupported }

// SetBacklog has no implementation here: ErrUnsupported.
func SetBacklog(fd, n int) error { return ErrUnsupported }

// TryLock has no implementation here: ErrUnsupported.
func TryLock(fd int) (bool, error) { return false, ErrUnsupported }
