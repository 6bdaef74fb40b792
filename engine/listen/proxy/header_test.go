package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
	"github.com/stretchr/testify/require"
)

// v2 makes a header of version 2 of bytes.
func v2(command, family byte, rest string) string {
	return magic2 + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

func tlv(kind byte, value string) string {
	return string([]byte{kind, byte(len(value) >> 8), byte(len(value))}) + value
}

const (
	tcp4 = "\x01\x02\x03\x04\x05\x06\x07\x08\x04\xd2\x00\x50" // 1.2.3.4:1234 to 5.6.7.8:80
	tcp6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x04\xd2\x01\xbb"
)

func unixNames(remote, local string) string {
	b := make([]byte, 216)
	copy(b, remote)
	copy(b[108:], local)
	return string(b)
}

// summed is a header with a checksum among its values.
func summed(sum func(uint32) uint32) string {
	h := v2(0x21, 0x11, tcp4+tlv(1, "h2")+tlv(typeChecksum, "\x00\x00\x00\x00")+tlv(4, ""))
	at := len(h) - 3 - checksumSize
	b := []byte(h)
	binary.BigEndian.PutUint32(b[at:], sum(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))))
	return string(b)
}

func right(sum uint32) uint32 { return sum }

// good are headers and what they say: remote and local address, or "" for those of the connection.
var good = []struct{ name, header, remote, local string }{
	{"v1 TCP4", "PROXY TCP4 1.2.3.4 5.6.7.8 1234 80\r\n", "1.2.3.4:1234", "5.6.7.8:80"},
	{"v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 1234 443\r\n", "[2001:db8::1]:1234", "[2001:db8::2]:443"},
	{"v1 TCP6 with IPv4 in it", "PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1234 80\r\n", "1.2.3.4:1234", "5.6.7.8:80"},
	{"v1 longest", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff " + strings.Repeat("6", 59) + "\r\n", "", ""},
	{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "", ""},
	{"v1 port 0", "PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n", "1.2.3.4:0", "5.6.7.8:65535"},
	{"v2 IPv4", v2(0x21, 0x11, tcp4), "1.2.3.4:1234", "5.6.7.8:80"},
	{"v2 IPv6", v2(0x21, 0x21, tcp6), "[2001:db8::1]:1234", "[2001:db8::2]:443"},
	{"v2 Unix", v2(0x21, 0x31, unixNames("/a", "/b")), "/a", "/b"},
	{"v2 LOCAL", v2(0x20, 0, ""), "", ""},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, tcp4), "", ""},
	{"v2 LOCAL with noise", v2(0x20, 0, "noise"), "", ""},
	{"v2 values", v2(0x21, 0x11, tcp4+tlv(2, "example.com")+tlv(0x20, strings.Repeat("c", 2000))+tlv(4, "")), "1.2.3.4:1234", "5.6.7.8:80"},
	{"v2 longest", v2(0x21, 0x11, tcp4+tlv(4, strings.Repeat("n", HeaderBytesMax-fixed2-len(tcp4)-3))), "1.2.3.4:1234", "5.6.7.8:80"},
	{"v2 checksum", summed(right), "1.2.3.4:1234", "5.6.7.8:80"},
}

// bad are beginnings of connections that are no headers.
var bad = []struct {
	name, in string
	why      error
}{
	{"a request", "GET / HTTP/1.1\r\n\r\n", errMissing},
	{"a request that looks like one for a while", "PROPFIND / HTTP/1.1\r\n\r\n", errMissing},
	{"a TLS hello", "\x16\x03\x01\x00\x10", errMissing},
	{"lower case", "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n", errMissing},
	{"no space", "PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n", errMissing},
	{"v1 longer than it may be", "PROXY UNKNOWN " + strings.Repeat("x", lineMax), errLong},
	{"v1 without CR", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", errMalformed},
	{"v1 two spaces", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", errMalformed},
	{"v1 five fields", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", errMalformed},
	{"v1 seven fields", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", errMalformed},
	{"v1 families mixed", "PROXY TCP4 2001:db8::1 5.6.7.8 1 2\r\n", errMalformed},
	{"v1 IPv4 as IPv6", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", errMalformed},
	{"v1 zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", errMalformed},
	{"v1 leading zeros", "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n", errMalformed},
	{"v1 port too large", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", errMalformed},
	{"v1 port with sign", "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", errMalformed},
	{"v1 UDP", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", errMalformed},
	{"v2 version 1", magic2 + "\x11", errVersion},
	{"v2 version 3", magic2 + "\x31\x11\x00\x0c" + tcp4, errVersion},
	{"v2 command", v2(0x22, 0x11, tcp4), errMalformed},
	{"v2 PROXY of nothing", v2(0x21, 0, ""), errMalformed},
	{"v2 family", v2(0x21, 0x41, tcp4), errMalformed},
	{"v2 UDP", v2(0x21, 0x12, tcp4), errDatagram},
	{"v2 Unix datagram", v2(0x21, 0x32, unixNames("/a", "/b")), errDatagram},
	{"v2 too short for its addresses", v2(0x21, 0x11, tcp4[:11]), errMalformed},
	{"v2 longer than it may be", v2(0x21, 0x11, tcp4+strings.Repeat("x", HeaderBytesMax)), errLong},
	{"v2 longest length", magic2 + "\x21\x11\xff\xff", errLong},
	{"v2 value cut", v2(0x21, 0x11, tcp4+tlv(4, "abc")[:5]), errLength},
	{"v2 value's length cut", v2(0x21, 0x11, tcp4+"\x04\x00"), errLength},
	{"v2 checksum wrong", summed(func(sum uint32) uint32 { return sum ^ 1 }), errChecksum},
	{"v2 checksum of another size", v2(0x21, 0x11, tcp4+tlv(typeChecksum, "\x00")), errChecksum},
}

func judge(in []byte) (o origin, n int, err error) {
	if n, err = measure(in); n > 0 {
		o, err = parse(in[:n])
	}
	return o, n, err
}

func (o *origin) texts() (remote, local string) {
	if !o.known() {
		return "", ""
	}
	return o.remoteAddr().String(), o.localAddr().String()
}

func TestHeaders(t *testing.T) {
	for _, c := range good {
		for _, rest := range []string{"", "GET / HTTP/1.1\r\n", c.header} {
			o, n, err := judge([]byte(c.header + rest))
			require.NoError(t, err, c.name)
			require.Equal(t, len(c.header), n, c.name)
			remote, local := o.texts()
			require.Equal(t, [2]string{c.remote, c.local}, [2]string{remote, local}, c.name)
		}
	}
	for _, c := range bad {
		_, n, err := judge([]byte(c.in))
		require.ErrorIs(t, err, c.why, "%s: %d", c.name, n)
	}
	require.Len(t, good[3].header, lineMax)
}

// Headers as the library writes them.
func TestHeadersOfTheLibrary(t *testing.T) {
	for _, version := range []byte{1, 2} {
		for _, ip := range []string{"9.8.7.6", "2001:db8::9"} {
			remote, local := &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711}, &net.TCPAddr{IP: net.ParseIP(ip), Port: 80}
			text, err := proxyproto.HeaderProxyFromAddrs(version, remote, local).Format()
			require.NoError(t, err)
			o, n, err := judge(text)
			require.NoError(t, err)
			require.Len(t, text, n)
			a, b := o.texts()
			require.Equal(t, fmt.Sprint(remote, local), fmt.Sprint(a, " ", b))
		}
	}
}

// The first error that is certain comes as soon as it is: nothing is waited for in vain.
func TestMissingIsKnownEarly(t *testing.T) {
	for in, want := range map[string]error{"": nil, "P": nil, "PR": nil, "PRI": errMissing, "G": errMissing, "\r": nil, "\r\n\r\nG": errMissing, "\x16": errMissing} {
		n, err := measure([]byte(in))
		require.Zero(t, n)
		require.True(t, errors.Is(err, want) || err == nil && want == nil, in)
	}
}
