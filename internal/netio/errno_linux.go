package netio

import (
	"golang.org/x/sys/unix"
)

// acceptError sorts accept(2)'s errors. Besides its own it passes on network errors that are pending on the new
// connection: those cost that connection only.
func acceptError(e unix.Errno) error {
	switch e {
	case unix.EAGAIN:
		return ErrAgain
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return ErrExhausted
	case unix.ECONNABORTED, unix.EPROTO, unix.ENETDOWN, unix.ENOPROTOOPT, unix.EHOSTDOWN, unix.ENONET,
		unix.EHOSTUNREACH, unix.EOPNOTSUPP, unix.ENETUNREACH, unix.ECONNRESET, unix.ETIMEDOUT,
		unix.EPERM: // a packet filter has refused it
		return ErrAborted
	case unix.EBADF:
		return ErrClosed
	}
	return e // boxed without allocation: the runtime keeps interface values of small integers
}

// ioError sorts the errors of calls on a connection.
func ioError(e unix.Errno) error {
	switch e {
	case unix.EAGAIN:
		return ErrAgain
	case unix.ECONNRESET, unix.EPIPE, unix.ETIMEDOUT, unix.ECONNABORTED, unix.ENOTCONN, unix.ESHUTDOWN,
		unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.ENETRESET,
		unix.EPROTO, unix.ENONET:
		return ErrReset
	case unix.ENOBUFS, unix.ENOMEM,
		unix.ENOSPC: // epoll's watches per user
		return ErrExhausted
	case unix.EBADF:
		return ErrClosed
	}
	return e
}

// asIOError is ioError for the wrappers of other packages, which return their errno as an error.
func asIOError(err error) error {
	if e, ok := err.(unix.Errno); ok {
		return ioError(e)
	}
	return err
}
