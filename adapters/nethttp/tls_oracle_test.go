package nethttp_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// onEach runs f with net/http's server and with ours, on both transports, and compares what they note: lines of the log,
// states of connections, and what f and its handler say. Addresses and stacks of panics are left out.
func onEach(t *testing.T, timeout time.Duration, f func(t *testing.T, n *lines) (setup, func(addr string))) {
	cert, key := certificate(t)
	var want string
	for _, kind := range []string{"oracle", "epoll", "portable"} {
		notes := new(lines)
		fields, client := f(t, notes)
		closed := make(chan bool, 16)
		fields.log = log.New(notes, "", 0)
		fields.state = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- true
			}
		}
		var s secure
		if kind == "oracle" {
			o := secureKinds[0].make(fields).(*http.Server)
			o.ReadTimeout, s = timeout, o
		} else {
			o := secureKinds[1].make(fields).(*nethttp.Server)
			o.ReadTimeout, s = timeout, o
			if kind == "portable" { // the other is what is chosen where it can be had
				o.Transport = kind
			}
		}
		client(runningTLS(t, s, nil, cert, key))
		select {
		case <-closed:
		case <-time.After(patience):
			t.Errorf("%s: the connection does not end", kind)
		}
		got := notes.text()
		if kind == "oracle" {
			want = got
		}
		require.Equal(t, want, got, kind)
	}
}

// hello is the first record of a client.
func hello(t testing.TB) []byte {
	a, b := net.Pipe()
	defer b.Close()
	go tls.Client(a, &tls.Config{InsecureSkipVerify: true}).Handshake()
	buf := make([]byte, 16<<10)
	n, err := b.Read(buf)
	require.NoError(t, err)
	return buf[:n]
}

// What is logged of a handshake that fails, and what the client gets.
func TestFailedHandshakes(t *testing.T) {
	first := hello(t)
	version := func(major byte) []byte {
		b := append([]byte(nil), first...)
		b[1] = major
		return b
	}
	const short = 50 * time.Millisecond
	shake := func(changes ...func(*tls.Config)) func(net.Conn) {
		return func(c net.Conn) {
			config := &tls.Config{InsecureSkipVerify: true}
			for _, change := range changes {
				change(config)
			}
			tls.Client(c, config).Handshake()
		}
	}
	sends := func(records ...[]byte) func(net.Conn) {
		return func(c net.Conn) {
			for _, b := range records {
				c.Write(b)
			}
		}
	}
	stays := func(f func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			f(c)
			io.Copy(io.Discard, c)
		}
	}
	ends := func(f func(net.Conn)) func(net.Conn) {
		return stays(func(c net.Conn) {
			f(c)
			c.(*net.TCPConn).CloseWrite()
		})
	}
	fails := func(f func() error) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, f() }
		}
	}
	for _, tt := range []struct {
		name    string
		config  func(*tls.Config)
		timeout time.Duration
		client  func(net.Conn)
	}{
		{name: "nothing", client: ends(sends())},
		{name: "part of a header", client: ends(sends(first[:3]))},
		{name: "part of a hello", client: ends(sends(first[:7]))},
		{name: "a hello and no more", client: ends(sends(first))},
		{name: "nothing in time", timeout: short, client: stays(sends())},
		{name: "part in time", timeout: short, client: stays(sends(first[:7]))},
		{name: "a hello in time", timeout: short, client: stays(sends(first))},
		{name: "HTTP", client: stays(sends([]byte("GET / HTTP/1.1\r\n\r\n")))},
		{name: "the beginning of HTTP", client: stays(sends([]byte("GET /")))},
		{name: "SSH", client: stays(sends([]byte("SSH-2.0-x\r\n")))},
		{name: "SSL 2", client: stays(sends([]byte("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10")))},
		{name: "a long record", client: stays(sends([]byte("\x16\x03\x01\xff\xff")))},
		{name: "application data", client: stays(sends([]byte("\x17\x03\x01\x00\x02ab")))},
		{name: "records of version 2", client: ends(sends(version(2)))},
		{name: "records of version 15", client: ends(sends(version(15)))},
		{name: "records of version 16", client: ends(sends(version(16)))},
		{name: "alert", client: stays(sends([]byte("\x15\x03\x01\x00\x02\x02\x28")))},
		{name: "close_notify", client: stays(sends([]byte("\x15\x03\x01\x00\x02\x01\x00")))},
		{name: "empty records", client: stays(sends([]byte(strings.Repeat("\x16\x03\x01\x00\x00", 40))))},
		{name: "warnings", client: stays(sends([]byte(strings.Repeat("\x15\x03\x01\x00\x02\x01\x5a", 40))))},
		{name: "two hellos", client: stays(sends(first, first))},
		{name: "HTTP behind a hello", client: stays(sends(first, []byte("GET / HTTP/1.1\r\n\r\n")))},
		{name: "untrusted certificate", client: shake(func(c *tls.Config) { c.InsecureSkipVerify, c.ServerName = false, "x" })},
		{name: "untrusted certificate, TLS 1.2", client: shake(func(c *tls.Config) {
			c.InsecureSkipVerify, c.ServerName, c.MaxVersion = false, "x", tls.VersionTLS12
		})},
		{name: "no protocol", client: shake(func(c *tls.Config) { c.NextProtos = []string{"x"} })},
		{name: "no version", config: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
			client: shake(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })},
		{name: "no client's certificate", config: func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }, client: stays(shake())},
		{name: "no configuration", config: fails(func() error { return errors.New("no configuration") }), client: shake()},
		{name: "a panic", config: fails(func() error { panic("oh") }), client: shake()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEach(t, tt.timeout, func(t *testing.T, n *lines) (setup, func(string)) {
				f := setup{handler: http.NotFoundHandler(), config: new(tls.Config)}
				if tt.config != nil {
					tt.config(f.config)
				}
				return f, func(addr string) {
					c, err := net.Dial("tcp", addr)
					require.NoError(t, err)
					defer c.Close()
					c.SetDeadline(time.Now().Add(patience))
					tt.client(c)
				}
			})
		})
	}
}

// The time of the first request begins when the handshake has ended, however long that was.
func TestTimeAfterHandshake(t *testing.T) {
	const limit = 2 * time.Second
	onEach(t, limit, func(t *testing.T, n *lines) (setup, func(string)) {
		f := setup{
			config: &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				time.Sleep(limit * 6 / 10)
				return nil, nil
			}},
			handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				fmt.Fprintf(n, "%s %v\n", b, err)
			}),
		}
		return f, func(addr string) {
			c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, err)
			defer c.Close()
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\nConnection: close\r\n\r\nhalf")
			time.Sleep(limit * 6 / 10)
			io.WriteString(c, "half")
			io.Copy(io.Discard, c)
		}
	})
}

// A deadline that has passed is lifted by another one from a body with a length, and not from one in chunks.
func TestBodyDeadlineLifted(t *testing.T) {
	for _, framing := range []string{"Content-Length: 8\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n8\r\n"} {
		t.Run(strings.Fields(framing)[0], func(t *testing.T) { bodyDeadlineLifted(t, framing) })
	}
}

func bodyDeadlineLifted(t *testing.T, framing string) {
	onEach(t, 0, func(t *testing.T, n *lines) (setup, func(string)) {
		passed := make(chan bool)
		f := setup{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			rc.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := r.Body.Read(make([]byte, 1))
			fmt.Fprintln(n, errors.Is(err, os.ErrDeadlineExceeded))
			rc.SetReadDeadline(time.Time{})
			passed <- true
			b, err := io.ReadAll(r.Body)
			fmt.Fprintf(n, "%s %v\n", b, errors.Is(err, os.ErrDeadlineExceeded))
		})}
		return f, func(addr string) {
			c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
			require.NoError(t, err)
			defer c.Close()
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+framing)
			<-passed
			io.WriteString(c, "complete\r\n0\r\n\r\n")
			io.Copy(io.Discard, c)
		}
	})
}
