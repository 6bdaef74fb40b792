package native

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/listen"
)

// behind are proxies in 10.0.0.0/8 and 2001:db8:10::/48, of which 127.0.0.1, where tests come from, is one.
func behind(fields ProxyFields) Proxies {
	var p Proxies
	for _, prefix := range []string{"127.0.0.0/8", "10.0.0.0/8", "2001:db8:10::/48"} {
		p.Trusted.Prefixes = append(p.Trusted.Prefixes, netip.MustParsePrefix(prefix))
	}
	p.Fields = fields
	return p
}

// origins answers with what is known of the client.
func origins() *Router {
	rt := NewRouter()
	rt.Handle("GET /", func(w *Response, r *Request) error {
		text := fmt.Sprint(r.ClientAddr(), " ", r.ClientScheme(), " ", string(r.ClientHost()))
		c := r.Clone()
		if again := fmt.Sprint(c.ClientAddr(), " ", c.ClientScheme(), " ", string(c.ClientHost())); again != text {
			return w.Text(500, text+", and of the clone "+again)
		}
		return w.Text(200, text)
	})
	return rt
}

const (
	nobody  = "invalid AddrPort"
	noProxy = "peer" // stands for the address of the connection
)

// originTests are fields of a request and what they say. Where scheme and host are left out they are those of the
// connection.
var originTests = []struct {
	name   string
	fields ProxyFields
	lines  string // separated by |
	want   string
}{
	// RFC 7239, sections 4, 6.3, 7.1 and 7.4.
	{"4, obfuscated", Forwarded, `Forwarded: for="_gazonk"`, nobody},
	{"4, IPv6 and port", Forwarded, `Forwarded: For="[2001:db8:cafe::17]:4711"`, "[2001:db8:cafe::17]:4711"},
	{"4, proto and by", Forwarded, `Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43`, "192.0.2.60:0 http"},
	{"4, two elements", Forwarded, `Forwarded: for=192.0.2.43, for=198.51.100.17`, "198.51.100.17:0"},
	{"6.3", Forwarded, `Forwarded: for=_hidden, for=_SEVKISEK`, nobody},
	{"7.1, one line", Forwarded, `Forwarded: for=192.0.2.43, for="[2001:db8:cafe::17]"`, "[2001:db8:cafe::17]:0"},
	{"7.1, with unknown", Forwarded, `Forwarded: for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown`, nobody},
	{"7.1, two lines", Forwarded, `Forwarded: for=192.0.2.43|Forwarded: for="[2001:db8:cafe::17]", for=unknown`, nobody},
	{"7.4", Forwarded, `Forwarded: for=192.0.2.43, for="[2001:db8:cafe::17]"`, "[2001:db8:cafe::17]:0"},

	// The walk.
	{"none", Forwarded, ``, noProxy},
	{"another field", Forwarded, `X-Forwarded-For: 6.6.6.6|X-Real-IP: 6.6.6.6`, noProxy},
	{"one proxy more", Forwarded, `Forwarded: for=192.0.2.1;proto=https;host=a.example, for=10.0.0.1;proto=http;host=b`, "192.0.2.1:0 https a.example"},
	{"the outer proxy says less", Forwarded, `Forwarded: for=192.0.2.1, for=10.0.0.1;proto=https;host=b`, "192.0.2.1:0 https b"},
	{"proxies only", Forwarded, `Forwarded: for=10.0.0.2, for=10.0.0.1`, "10.0.0.2:0"},
	{"IPv6 proxy", Forwarded, `Forwarded: for=192.0.2.1, for="[2001:db8:10::5]:80"`, "192.0.2.1:0"},
	{"over lines", Forwarded, `Forwarded: for=192.0.2.1|Forwarded: for=10.0.0.2|Forwarded: for=10.0.0.1`, "192.0.2.1:0"},
	{"a client who lies", Forwarded, `Forwarded: for=1.1.1.1;proto=https;host=evil, for=6.6.6.6;proto=http`, "6.6.6.6:0 http"},
	{"a client who is a proxy, it says", Forwarded, `Forwarded: for=1.1.1.1, for=10.0.0.1, for=6.6.6.6`, "6.6.6.6:0"},
	{"no for", Forwarded, `Forwarded: proto=https;host=b`, nobody + " https b"},
	{"by alone", Forwarded, `Forwarded: by=10.0.0.1`, nobody},
	{"obfuscated in between", Forwarded, `Forwarded: for=192.0.2.1, for=_x, for=10.0.0.1`, nobody},
	{"most hops", Forwarded, `Forwarded: for=192.0.2.1` + strings.Repeat(", for=10.0.0.1", ProxyHopsMax-1), "192.0.2.1:0"},
	{"a hop too many", Forwarded, `Forwarded: for=192.0.2.1` + strings.Repeat(", for=10.0.0.1", ProxyHopsMax), nobody},
	{"a hop too many, on lines", Forwarded, `Forwarded: for=192.0.2.1` + strings.Repeat("|Forwarded: for=10.0.0.1", ProxyHopsMax), nobody},
	{"many of a client", Forwarded, `Forwarded: ` + strings.Repeat("for=10.0.0.1, ", 100) + `for=6.6.6.6`, "6.6.6.6:0"},

	// Grammar.
	{"any case", Forwarded, `forwarded: FOR=192.0.2.1;Proto=HTTPS;hOSt=A`, "192.0.2.1:0 https A"},
	{"empty elements and pairs", Forwarded, `Forwarded: ,, ;for=192.0.2.1; ;proto=https;,;,`, "192.0.2.1:0 https"},
	{"spaces", Forwarded, "Forwarded: \t for=192.0.2.1 ; proto=https \t, ", "192.0.2.1:0 https"},
	{"quoted", Forwarded, `Forwarded: for="192.0.2.1:80";proto="https";host="a.example:8080"`, "192.0.2.1:80 https a.example:8080"},
	{"quoted pairs", Forwarded, `Forwarded: for="\[2001:db8::\1\]:8\0";host="\a"`, "[2001:db8::1]:80 http a"},
	{"separators in a string", Forwarded, `Forwarded: by="a,b;for=1.1.1.1\"";for=192.0.2.1`, "192.0.2.1:0"},
	{"obfuscated port", Forwarded, `Forwarded: for="192.0.2.1:_port"`, "192.0.2.1:0"},
	{"IPv4-mapped", Forwarded, `Forwarded: for="[::ffff:192.0.2.1]"`, "192.0.2.1:0"},
	{"IPv4-mapped proxy", Forwarded, `Forwarded: for=192.0.2.1, for="[::ffff:10.0.0.1]"`, "192.0.2.1:0"},
	{"unknown parameter", Forwarded, `Forwarded: secret=x;for=192.0.2.1`, "192.0.2.1:0"},
	{"other scheme", Forwarded, `Forwarded: for=192.0.2.1;proto=gopher`, "192.0.2.1:0"},
	{"no host", Forwarded, `Forwarded: for=192.0.2.1;host="a/../b"`, "192.0.2.1:0"},
	{"host with user", Forwarded, `Forwarded: for=192.0.2.1;host="u@h"`, "192.0.2.1:0"},
	{"IPv6 host", Forwarded, `Forwarded: for=192.0.2.1;host="[::1]:8080"`, "192.0.2.1:0 http [::1]:8080"},
	{"long host", Forwarded, `Forwarded: for=192.0.2.1;host=` + strings.Repeat("h", hostMax+1), "192.0.2.1:0"},

	// What is wrong hides the client, and with it the scheme and the host.
	{"open string", Forwarded, `Forwarded: for=192.0.2.1;proto=https;by="x`, nobody},
	{"open string, then a proxy's", Forwarded, `Forwarded: for=1.1.1.1;by=", for=6.6.6.6;by="y"`, nobody},
	{"open string ends in a proxy's", Forwarded, `Forwarded: for="1.1.1.1, for="6.6.6.6"`, nobody},
	{"open pair", Forwarded, `Forwarded: for="1.1.1.1\`, nobody},
	{"a client's line is wrong", Forwarded, `Forwarded: for="|Forwarded: for=6.6.6.6`, "6.6.6.6:0"},
	{"a proxy's line, then a wrong one", Forwarded, `Forwarded: ="|Forwarded: for=10.0.0.1;proto=https`, nobody},
	{"twice", Forwarded, `Forwarded: for=1.1.1.1;for=6.6.6.6`, nobody},
	{"no value", Forwarded, `Forwarded: for=`, nobody},
	{"empty value", Forwarded, `Forwarded: for=""`, nobody},
	{"no name", Forwarded, `Forwarded: =6.6.6.6`, nobody},
	{"no equals sign", Forwarded, `Forwarded: for`, nobody},
	{"space at the equals sign", Forwarded, `Forwarded: for = 6.6.6.6`, nobody},
	{"IPv6 without quotes", Forwarded, `Forwarded: for=[2001:db8::1]`, nobody},
	{"IPv6 without brackets", Forwarded, `Forwarded: for="2001:db8::1"`, nobody},
	{"IPv4 in brackets", Forwarded, `Forwarded: for="[192.0.2.1]"`, nobody},
	{"zone", Forwarded, `Forwarded: for="[fe80::1%eth0]"`, nobody},
	{"large port", Forwarded, `Forwarded: for="192.0.2.1:65536"`, nobody},
	{"port with sign", Forwarded, `Forwarded: for="192.0.2.1:+1"`, nobody},
	{"empty port", Forwarded, `Forwarded: for="192.0.2.1:"`, nobody},
	{"leading zeros", Forwarded, `Forwarded: for=192.0.2.01`, nobody},
	{"a name", Forwarded, `Forwarded: for=localhost`, nobody},
	{"brackets left open", Forwarded, `Forwarded: for="[::1"`, nobody},
	{"long", Forwarded, `Forwarded: for="` + strings.Repeat("1", 8000) + `"`, nobody},

	// The older fields.
	{"none", XForwarded, ``, noProxy},
	{"another field", XForwarded, `Forwarded: for=6.6.6.6;proto=https|X-Real-IP: 6.6.6.6`, noProxy},
	{"one", XForwarded, `X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https|X-Forwarded-Host: a.example:1`, "192.0.2.1:0 https a.example:1"},
	{"a client who lies", XForwarded, `X-Forwarded-For: 127.0.0.1, 6.6.6.6`, "6.6.6.6:0"},
	{"a client who sends noise", XForwarded, `X-Forwarded-For: "',<>, 6.6.6.6`, "6.6.6.6:0"},
	{"two proxies", XForwarded, `X-Forwarded-For: 1.1.1.1, 192.0.2.1, 10.0.0.1`, "192.0.2.1:0"},
	{"over lines", XForwarded, `X-Forwarded-For: 192.0.2.1|X-Forwarded-For: 10.0.0.2,10.0.0.1`, "192.0.2.1:0"},
	{"a line of a client", XForwarded, `X-Forwarded-For: 127.0.0.1|X-Forwarded-For: 6.6.6.6`, "6.6.6.6:0"},
	{"proxies only", XForwarded, `X-Forwarded-For: 10.0.0.2, 10.0.0.1`, "10.0.0.2:0"},
	{"IPv6", XForwarded, `X-Forwarded-For: 2001:db8::1`, "[2001:db8::1]:0"},
	{"IPv6 in brackets", XForwarded, `X-Forwarded-For: [2001:db8::1]:80`, "[2001:db8::1]:80"},
	{"port", XForwarded, `X-Forwarded-For: 192.0.2.1:80`, "192.0.2.1:80"},
	{"empty elements", XForwarded, `X-Forwarded-For: , 192.0.2.1 ,, 10.0.0.1,`, "192.0.2.1:0"},
	{"unknown", XForwarded, `X-Forwarded-For: 1.1.1.1, unknown`, nobody},
	{"noise where the client would be", XForwarded, `X-Forwarded-For: 1.1.1.1, 999.1.1.1, 10.0.0.1`, nobody},
	{"IPv6 zone", XForwarded, `X-Forwarded-For: fe80::1%eth0`, nobody},
	{"quoted", XForwarded, `X-Forwarded-For: "192.0.2.1"`, nobody},
	{"most hops", XForwarded, `X-Forwarded-For: 192.0.2.1` + strings.Repeat(", 10.0.0.1", ProxyHopsMax-1), "192.0.2.1:0"},
	{"a hop too many", XForwarded, `X-Forwarded-For: 192.0.2.1` + strings.Repeat(", 10.0.0.1", ProxyHopsMax), nobody},
	{"many of a client", XForwarded, `X-Forwarded-For: ` + strings.Repeat("10.0.0.1, ", 500) + `6.6.6.6`, "6.6.6.6:0"},
	{"last proto", XForwarded, `X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: https, http`, "192.0.2.1:0 http"},
	{"last lines", XForwarded, `X-Forwarded-Proto: http|X-Forwarded-Proto: https|X-Forwarded-Host: a|X-Forwarded-Host: x, b`, noProxy + " https b"},
	{"noise", XForwarded, `X-Forwarded-Proto: javascript|X-Forwarded-Host: a"><b`, noProxy},

	{"none", XRealIP, ``, noProxy},
	{"one", XRealIP, `X-Real-IP: 192.0.2.1|X-Forwarded-Proto: https|X-Forwarded-Host: a`, "192.0.2.1:0 https a"},
	{"a proxy", XRealIP, `X-Real-IP: 10.0.0.1`, "10.0.0.1:0"},
	{"a list", XRealIP, `X-Real-IP: 1.1.1.1, 6.6.6.6`, nobody},
	{"two", XRealIP, `X-Real-IP: 1.1.1.1|X-Real-IP: 6.6.6.6`, nobody},
	{"another field", XRealIP, `X-Forwarded-For: 6.6.6.6`, noProxy},
}

func TestClient(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		for fields := XForwarded; fields <= XRealIP; fields++ {
			trusting := serve(t, transport, origins(), func(s *Server) { s.Proxies = behind(fields) })
			strict := serve(t, transport, origins(), func(s *Server) {
				s.Proxies = Proxies{Trusted: listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Fields: fields}
			})
			plain := serve(t, transport, origins())
			for _, c := range originTests {
				if c.fields != fields {
					continue
				}
				var lines []string
				if c.lines != "" {
					lines = strings.Split(c.lines, "|")
				}
				in := request("GET", "/", lines...)
				w := trusting.dial()
				want := strings.Replace(c.want, noProxy, w.LocalAddr().String(), 1)
				rest := strings.TrimPrefix(want, nobody)
				switch strings.Count(rest, " ") {
				case 0:
					want += " http h"
				case 1:
					want += " h"
				}
				w.send(in)
				got := w.next("GET")
				require.Equal(t, 200, got.StatusCode, got.body)
				require.Equal(t, want, got.body, "%d, %s", fields, c.name)
				for _, a := range []*app{strict, plain} {
					w := a.dial()
					w.send(in + in)
					require.Equal(t, w.LocalAddr().String()+" http h", w.next("GET").body, c.name)
					require.Equal(t, w.LocalAddr().String()+" http h", w.next("GET").body, c.name)
				}
				w.Close()
			}
		}
	})
}

// What one request says is not the next one's.
func TestClientOfEachRequest(t *testing.T) {
	a := serve(t, "", origins(), func(s *Server) { s.Proxies = behind(XForwarded) })
	w := a.dial()
	w.send(request("GET", "/", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: a") + request("GET", "/"))
	require.Equal(t, "192.0.2.1:0 https a", w.next("GET").body)
	require.Equal(t, w.LocalAddr().String()+" http h", w.next("GET").body)
}

// With TLS the scheme is https, unless a proxy that is trusted says otherwise of its own client.
func TestClientOverTLS(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		cert, key, roots := pairFiles(t)
		a := serve(t, transport, origins(), func(s *Server) { s.Proxies = behind(XForwarded) })
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- a.ServeTLS(l, cert, key) }()
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
		require.NoError(t, err)
		defer c.Close()
		r := bufio.NewReader(c)
		for _, lines := range [][]string{nil, {"X-Forwarded-Proto: http", "X-Forwarded-For: 192.0.2.1"}} {
			_, err = io.WriteString(c, request("GET", "/", lines...))
			require.NoError(t, err)
			want := c.LocalAddr().String() + " https h"
			if lines != nil {
				want = "192.0.2.1:0 http h"
			}
			res, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, want, string(body))
		}
		a.Close()
		require.ErrorIs(t, await(t, done, "ServeTLS to return"), ErrServerClosed)
	})
}

func TestProxiesRefused(t *testing.T) {
	for want, p := range map[string]Proxies{
		"Server.Proxies.Trusted: invalid Prefix":                            {Trusted: listen.Peers{Prefixes: []netip.Prefix{{}}}},
		"Server.Proxies.Fields is 3: want XForwarded, Forwarded or XRealIP": {Fields: 3},
	} {
		s := &Server{Router: NewRouter(), Addr: "127.0.0.1:0", Proxies: p}
		require.ErrorContains(t, s.ListenAndServe(), want)
	}
}

// Who is not trusted, and who is and says nothing, costs nothing: in a request after the connection's first.
func TestClientIsNotAllocated(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget on purpose")
	}
	rt := NewRouter()
	rt.Handle("GET /", func(w *Response, r *Request) error {
		r.ClientAddr()
		w.Set("X", r.ClientScheme())
		w.Write(r.ClientHost())
		return nil
	})
	in := []byte(request("GET", "/", "X-Forwarded-For: 1.1.1.1, 6.6.6.6", "X-Forwarded-Proto: https", `Forwarded: for="\1";host=x`))
	for _, p := range []Proxies{{}, {Trusted: listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}} {
		played := newPlayed(t, rt, func(s *Server) { s.Proxies = p })
		played.play(in)
		require.Zero(t, testing.AllocsPerRun(200, func() { played.play(in) }))
	}
}
