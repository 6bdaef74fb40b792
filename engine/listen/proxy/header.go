package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"sync"

	"github.com/pires/go-proxyproto"
)

// Why a header is not taken.
var (
	errMissing   = errors.New("there is no PROXY header")
	errLong      = errors.New("the header is too long")
	errVersion   = errors.New("the header's version is unknown")
	errCut       = errors.New("the connection ends within the header")
	errLate      = errors.New("the header has not come in time")
	errPeer      = errors.New("the peer is not trusted")
	errDatagram  = errors.New("the header is of a datagram")
	errLength    = errors.New("the header's length does not fit what it has")
	errChecksum  = errors.New("the header's checksum is wrong")
	errMalformed = errors.New("the header is malformed")
)

const (
	magic1 = "PROXY "
	magic2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixed2 = len(magic2) + 4 // version and command, family, length
)

// measure finds the end of the header at the front of in: n bytes. With n = 0 and no error it takes more to say. The error
// errMissing means that in does not begin with a header; any other, that it begins with one that is wrong. Only this much is decided
// here as nothing else can be, before all of it has come.
func measure(in []byte) (n int, err error) {
	switch {
	case begins(in, magic1):
		line := in[:min(len(in), lineMax)]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return end + 1, nil
		}
		if len(line) == lineMax {
			return 0, errLong
		}
		return 0, nil
	case begins(in, magic2):
		if len(in) > len(magic2) && in[len(magic2)]>>4 != 2 {
			return 0, errVersion
		}
		if len(in) < fixed2 {
			return 0, nil
		}
		n = fixed2 + int(binary.BigEndian.Uint16(in[fixed2-2:]))
		if n > HeaderBytesMax {
			return 0, errLong
		}
		if len(in) < n {
			return 0, nil
		}
		return n, nil
	}
	return 0, errMissing
}

// begins reports whether in begins with magic, as far as it goes.
func begins(in []byte, magic string) bool {
	n := min(len(in), len(magic))
	return string(in[:n]) == magic[:n]
}

// origin is what a header says. The zero value says nothing: the connection has its own addresses.
type origin struct {
	remote, local netip.AddrPort
	unix          *[2]net.UnixAddr // remote, local; in the place of those
}

func (o *origin) known() bool { return o.remote.IsValid() || o.unix != nil }

func (o *origin) remoteAddr() net.Addr {
	if o.unix != nil {
		return &o.unix[0]
	}
	return net.TCPAddrFromAddrPort(o.remote)
}

func (o *origin) localAddr() net.Addr {
	if o.unix != nil {
		return &o.unix[1]
	}
	return net.TCPAddrFromAddrPort(o.local)
}

// reading is what the library reads from.
type reading struct {
	in  bytes.Reader
	buf *bufio.Reader
}

var readings = sync.Pool{New: func() any { return &reading{buf: bufio.NewReaderSize(nil, HeaderBytesMax)} }}

// parse reads a header that is all of in.
func parse(in []byte) (o origin, err error) {
	r := readings.Get().(*reading)
	defer readings.Put(r)
	r.in.Reset(in)
	r.buf.Reset(&r.in)
	h, err := proxyproto.Read(r.buf)
	left := r.buf.Buffered() + r.in.Len()
	r.in.Reset(nil)
	switch {
	case err != nil:
		return o, fmt.Errorf("%w: %w", errMalformed, err)
	case left != 0: // the two of us disagree
		return o, errLength
	}
	if h.Command.IsLocal() { // whatever else it has
		return o, nil
	}
	if h.Version == 2 {
		if err := check(in); err != nil {
			return o, err
		}
	}
	switch remote := h.SourceAddr.(type) {
	case *net.TCPAddr:
		local, ok := h.DestinationAddr.(*net.TCPAddr)
		if !ok {
			return o, errMalformed
		}
		o.remote, o.local = addrPort(remote), addrPort(local)
	case *net.UnixAddr:
		local, ok := h.DestinationAddr.(*net.UnixAddr)
		switch {
		case !ok:
			return o, errMalformed
		case remote.Net != "unix":
			return o, errDatagram
		}
		o.unix = &[2]net.UnixAddr{*remote, *local}
	case *net.UDPAddr:
		return o, errDatagram
	}
	if !o.known() {
		return o, errMalformed
	}
	return o, nil
}

// addrPort is a's address as that of a socket would be: an IPv4 peer is one, however it is written.
func addrPort(a *net.TCPAddr) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(a.IP)
	return netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
}

const (
	typeChecksum = 3 // PP2_TYPE_CRC32C
	checksumSize = 4
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeros      [checksumSize]byte
)

// check goes through the values behind the addresses of a header of version 2: they must fill it, and a checksum, which
// is made over the whole header with zeros in its place, must be right.
func check(in []byte) error {
	at := fixed2
	switch in[fixed2-3] >> 4 {
	case 1:
		at += 12
	case 2:
		at += 36
	case 3:
		at += 216
	}
	for at < len(in) {
		if len(in)-at < 3 {
			return errLength
		}
		kind, value := in[at], at+3
		at = value + int(binary.BigEndian.Uint16(in[at+1:]))
		switch {
		case at > len(in):
			return errLength
		case kind != typeChecksum:
		case at-value != checksumSize:
			return errChecksum
		default:
			sum := crc32.Update(crc32.Checksum(in[:value], castagnoli), castagnoli, zeros[:])
			if crc32.Update(sum, castagnoli, in[at:]) != binary.BigEndian.Uint32(in[value:]) {
				return errChecksum
			}
		}
	}
	return nil
}
