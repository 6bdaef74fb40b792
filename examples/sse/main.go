// Command sse sends server-sent events: the time, several times a second, to whoever listens. A listener who leaves is
// noticed through the request's context. It is a net/http program in which http.Server has become nethttp.Server.
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
	c := &clock{interval: 100 * time.Millisecond, stopping: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /time", c.serve)
	mux.HandleFunc("GET /listeners", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, c.listeners.Load())
	})
	server := &nethttp.Server{
		Addr:              addr,
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
	}
	server.RegisterOnShutdown(func() { close(c.stopping) })
	return server
}

// clock is an endless stream of events for each listener.
type clock struct {
	interval  time.Duration
	listeners atomic.Int64
	stopping  chan struct{} // closed when the server shuts down, which waits for the streams to end
}

func (c *clock) serve(w http.ResponseWriter, r *http.Request) {
	c.listeners.Add(1)
	defer c.listeners.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for id := 1; ; id++ {
		fmt.Fprintf(w, "id: %d\nevent: time\ndata: %s\n\n", id, time.Now().Format(time.RFC3339Nano))
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done(): // the listener has left
			return
		case <-c.stopping:
			return
		}
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
