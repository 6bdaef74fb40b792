package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/engine/listen"
	"github.com/peregrine-http/peregrine/engine/listen/proxy"
)

func Example() {
	tcp, err := listen.Config{}.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	l, err := proxy.New(tcp, proxy.Config{
		Trusted: listen.Peers{Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
	})
	if err != nil {
		panic(err)
	}
	srv := &nethttp.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "you are "+r.RemoteAddr)
	})}
	go srv.Serve(l)
	defer srv.Close()

	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		panic(err)
	}
	defer c.Close()
	io.WriteString(c, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\nGET / HTTP/1.0\r\n\r\n")
	answer, _ := io.ReadAll(c)
	fmt.Println(string(answer[len(answer)-len("you are 192.0.2.7:4711"):]))
	// Output: you are 192.0.2.7:4711
}
