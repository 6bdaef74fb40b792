package netio

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SockAddrs returns a socket's two addresses, of the types and with the text that package net gives for it: a peer
// without a name is "@", an IPv4 peer of an IPv6 socket is an IPv4 address. The remote address of a TCP connection that
// has been reset is gone (the error is ErrReset, local is still valid): keep what Accept said. It does not block, and
// may be called at any time by anybody for whom fd is open.
func SockAddrs(fd int) (local, remote net.Addr, err error) {
	socktype, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, nil, asIOError(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return nil, nil, asIOError(err)
	}
	if local, err = netAddr(sa, socktype); err != nil {
		return nil, nil, err
	}
	if sa, err = syscall.Getpeername(fd); err != nil {
		return local, nil, asIOError(err)
	}
	remote, err = netAddr(sa, socktype)
	return local, remote, err
}

func netAddr(sa syscall.Sockaddr, socktype int) (net.Addr, error) {
	if socktype != unix.SOCK_STREAM {
		return nil, unix.ESOCKTNOSUPPORT
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, nil
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zone(sa.ZoneId)}, nil
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: sa.Name, Net: "unix"}, nil
	}
	return nil, unix.EAFNOSUPPORT
}

// addrPort reads the peer that accept4 has stored.
func addrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		// A RawSockaddrAny is large enough and aligned for every family; Family says which it is.
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), networkOrder(in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		ip := netip.AddrFrom16(in.Addr).Unmap()
		if in.Scope_id != 0 && ip.Is6() {
			ip = ip.WithZone(zone(in.Scope_id))
		}
		return netip.AddrPortFrom(ip, networkOrder(in.Port))
	}
	return netip.AddrPort{}
}

// networkOrder turns the two bytes of a port, as the kernel stores them, into a number on any machine.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(b[0])<<8 | uint16(b[1])
}

// zones remembers interface names, which only link-local peers need: asking the kernel costs a netlink exchange, which a
// neighbour who connects a thousand times a second must not be able to order each time.
var zones struct {
	sync.Mutex
	names map[uint32]string
	until time.Time
}

const (
	zonesFor = time.Minute // as in package net: an interface may be renamed
	zonesMax = 256
)

// zone is the name of an interface, or its number if there is none.
func zone(index uint32) string {
	if index == 0 {
		return ""
	}
	zones.Lock()
	defer zones.Unlock()
	if now := time.Now(); now.After(zones.until) || len(zones.names) >= zonesMax {
		zones.names, zones.until = make(map[uint32]string), now.Add(zonesFor)
	}
	name, known := zones.names[index]
	if !known {
		name = strconv.FormatUint(uint64(index), 10)
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		zones.names[index] = name
	}
	return name
}
