// Command const serves a price list that takes a while to compute, and computes it once a minute and not for each
// request. It is a net/http program with nethttp.Const around one handler; the handler is as it was. The mux is
// nethttp.NewServeMux, which is http.ServeMux with a faster lookup. Both also work under an http.Server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

func newServer(addr string) *nethttp.Server {
	prices := &priceList{latency: 100 * time.Millisecond}
	list := nethttp.Const(prices)
	list.TTL = time.Minute

	mux := nethttp.NewServeMux()
	mux.Handle("GET /prices", list)
	mux.HandleFunc("PUT /prices/{item}", func(w http.ResponseWriter, r *http.Request) {
		list.Invalidate() // an item has a new price: whoever asks from now on sees it
		fmt.Fprintf(w, "%s is noted\n", r.PathValue("item"))
	})
	mux.HandleFunc("GET /computed", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, prices.computed.Load()) })
	return &nethttp.Server{
		Addr:              addr,
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
	}
}

// priceList stands for a report over a database.
type priceList struct {
	latency  time.Duration
	computed atomic.Int64
}

func (p *priceList) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	time.Sleep(p.latency)
	edition := p.computed.Add(1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Edition %d\n", edition)
	for item := range 100 {
		fmt.Fprintf(w, "item %d costs %d\n", item, 10*item)
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
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
