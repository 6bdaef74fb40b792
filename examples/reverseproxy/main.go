// Command reverseproxy passes requests on to another server with httputil.ReverseProxy: streams in both directions,
// trailers, upgraded connections. It is a net/http program in which http.Server has become nethttp.Server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

var target = flag.String("target", "http://127.0.0.1:8080", "`URL` that requests are passed on to")

func newServer(addr string) *nethttp.Server {
	return &nethttp.Server{
		Addr:              addr,
		Handler:           newHandler(*target),
		ReadHeaderTimeout: 10 * time.Second,
	}
}

func newHandler(target string) http.Handler {
	backend, err := url.Parse(target)
	if err != nil {
		log.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, "the server behind this one does not answer", http.StatusBadGateway)
		},
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8081", "`address` to listen on")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server := newServer(*addr)
	l, err := net.Listen("tcp", server.Addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())

	drained := make(chan error, 1)
	go func() {
		<-interrupted.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(ctx)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}
