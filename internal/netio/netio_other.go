//go:build !linux

package netio

import "net"

// System has no implementation here: ErrUnsupported.
func System() (Kernel, error) { return nil, ErrUnsupported }

// SockAddrs has no implementation here: ErrUnsupported.
func SockAddrs(fd int) (local, remote net.Addr, err error) { return nil, nil, ErrUnsupported }

// SetListenerOptions has no implementation here: ErrUnsupported.
func SetListenerOptions(fd int) error { return ErrUnsupported }

// SetConnOptions has no implementation here: ErrUnsupported.
func SetConnOptions(fd int) error { return ErrUnsupported }

// NetConn has no implementation here: ErrUnsupported.
func NetConn(fd int) (net.Conn, error) { return nil, ErrUnsupported }

// CopyConn returns ErrUnsupported.
func CopyConn(fd int) (net.Conn, error) { return nil, ErrUnsupported }

// ConnFD has no implementation here: ErrUnsupported.
func ConnFD(c net.Conn) (int, error) { return -1, ErrUnsupported }

// SetListening has nothing to set here, and ErrUnsupported for what only Linux knows.
func SetListening(fd int, o Listening) error {
	if o.DeferAccept != 0 || o.FastOpen != 0 {
		return ErrUnsupported
	}
	return nil
}
