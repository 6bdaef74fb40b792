// Command ticker publishes the prices of 1,000 stocks, a topic each, to whoever subscribes over a WebSocket. Its routes are
// net/http's, on nethttp.Server: one of them becomes a WebSocket, another publishes, and so does a timer.
//
//	cd examples/ticker && go run .
//	curl --data 12.34 http://127.0.0.1:8080/prices/S042
//
// A client sends {"subscribe":["S042"]}, {"subscribe":["*"]} or {"unsubscribe":["S042"]}, and gets
// {"symbol":"S042","price":12.34} whenever there is a new price, beginning with the last one.
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
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

func newServer(addr string) (*nethttp.Server, *market) {
	m := newMarket()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", m.watch)
	mux.HandleFunc("GET /prices/{symbol}", m.show)
	mux.HandleFunc("POST /prices/{symbol}", m.set)
	return &nethttp.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}, m
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	every := flag.Duration("every", 500*time.Millisecond, "`time` between changes of the prices")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server, market := newServer(*addr)
	l, err := net.Listen("tcp", server.Addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	go market.run(interrupted, *every)

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
