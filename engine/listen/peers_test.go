package listen

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeers(t *testing.T) {
	require.True(t, Peers{}.None())
	require.False(t, Peers{Unix: true}.None())
	p := Peers{Prefixes: []netip.Prefix{
		netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fe80::/10"),
	}}
	require.NoError(t, p.Check())
	require.False(t, p.None())
	for addr, want := range map[string]bool{
		"10.0.0.0": true, "10.255.255.255": true, "11.0.0.0": false, "9.255.255.255": false, "::ffff:10.0.0.1": true,
		"::10.0.0.1": false, "2001:db8::1": true, "2001:db9::1": false, "fe80::1": true, "fe80::1%eth0": true,
	} {
		require.Equal(t, want, p.Has(netip.MustParseAddr(addr)), addr)
		require.Equal(t, want, p.HasPeer(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))), addr)
	}
	require.False(t, p.Has(netip.Addr{}))
	require.False(t, p.HasPeer(nil))
	require.False(t, p.HasPeer(&net.TCPAddr{}))
	require.False(t, p.HasPeer(&net.UnixAddr{}))
	require.True(t, Peers{Unix: true}.HasPeer(&net.UnixAddr{}))
	require.ErrorContains(t, Peers{Prefixes: []netip.Prefix{{}}}.Check(), "want a prefix like")
	require.ErrorContains(t, Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}.Check(), "write it as IPv4")
}
