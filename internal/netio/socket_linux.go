package netio

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System returns the kernel this program runs on.
func System() (Kernel, error) { return system{}, nil }

// system makes the calls. unsafe.Pointer is here because a raw system call takes its arguments as numbers. Each use has
// the form that package unsafe allows for this: the conversion stands in the argument list of the call, and the kernel
// has done with the memory when the call returns. BenchmarkRead shows what it gains over calls that tell the scheduler.
type system struct{}

func (system) NewPoller() (Poller, error) { return newPoller() }

func (system) Accept(fd int) (int, netip.AddrPort, error) {
	for {
		var sa unix.RawSockaddrAny
		size := uint32(unix.SizeofSockaddrAny)
		// sa and size are this frame's; the kernel writes at most size bytes into sa.
		conn, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch e {
		case 0:
			return int(conn), addrPort(&sa), nil
		case unix.EINTR:
			continue
		}
		return -1, netip.AddrPort{}, acceptError(e)
	}
}

func (system) Read(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, unix.EINVAL // a count of 0 would read as the end of the stream
	}
	for {
		// p is alive and len(p) bytes long. MSG_DONTWAIT: os.File.Fd on a duplicate in the user's hands makes the
		// socket blocking behind our back, and this call must not block.
		n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, ioError(e)
	}
}

func (system) Unread(fd int) bool {
	for {
		var b byte
		// b is this frame's, and one byte long.
		n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b)), 1,
			unix.MSG_DONTWAIT|unix.MSG_PEEK, 0, 0)
		if e != unix.EINTR {
			return e == 0 && n > 0
		}
	}
}

func (system) Write(fd int, p []byte) (int, error) { return send(fd, p, 0) }

// WriteMore: without MSG_MORE the head of a file's response would be a segment of its own, and wake the peer for it.
func (system) WriteMore(fd int, p []byte) (int, error) { return send(fd, p, unix.MSG_MORE) }

func send(fd int, p []byte, flags uintptr) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		// p is alive and len(p) bytes long. MSG_NOSIGNAL: a peer that has gone is an error, not a SIGPIPE.
		n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
			uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL|flags, 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, ioError(e)
	}
}

func (system) Writev(fd int, p [][]byte) (int, error) {
	// sendmsg instead of writev, for MSG_NOSIGNAL and MSG_DONTWAIT.
	var iov [WritevMax]unix.Iovec
	var msg unix.Msghdr
	count := 0
	for _, b := range p[:min(len(p), WritevMax)] {
		if len(b) > 0 {
			iov[count].Base = unsafe.SliceData(b)
			iov[count].SetLen(len(b))
			count++
		}
	}
	if count == 0 {
		return 0, nil
	}
	msg.Iov = &iov[0]
	msg.SetIovlen(count)
	for {
		// msg and iov are this frame's, and iov's pointers are typed ones into the caller's slices: all alive.
		n, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
			continue
		}
		return 0, ioError(e)
	}
}

// SendFile may wait for the disk, so it is the one call that tells the scheduler.
func (system) SendFile(fd, src int, n int) (int, error) {
	if n <= 0 {
		return 0, nil
	}
	for {
		sent, _, e := unix.Syscall6(unix.SYS_SENDFILE, uintptr(fd), uintptr(src), 0, uintptr(n), 0, 0)
		switch e {
		case 0:
			return int(sent), nil
		case unix.EINTR:
			continue
		}
		return 0, ioError(e)
	}
}

func (system) CloseWrite(fd int) error {
	_, _, e := unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	if e != 0 {
		return ioError(e)
	}
	return nil
}

func (system) Reset(fd int) error {
	// A linger time of 0 makes close drop what is queued and send RST. (Never more than 0: close would wait.)
	linger := unix.Linger{Onoff: 1}
	if e := setsockopt(fd, unix.SOL_SOCKET, unix.SO_LINGER, unsafe.Pointer(&linger), unsafe.Sizeof(linger)); e != 0 {
		return ioError(e)
	}
	return nil
}

func (system) Close(fd int) error {
	// EINTR is not retried here: on Linux the number is free again all the same, and perhaps somebody else's.
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	if e != 0 && e != unix.EINTR {
		return ioError(e)
	}
	return nil
}

// setsockopt: value points to size bytes of the caller's frame, alive until it returns.
func setsockopt(fd, level, name int, value unsafe.Pointer, size uintptr) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(value), size, 0)
	return e
}
