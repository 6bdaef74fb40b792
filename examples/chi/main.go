// Command chi is a chi application: middleware, JSON, and a database that takes its time. It is a net/http program in
// which http.Server has become nethttp.Server; nothing in it knows about event loops. The handlers that wait for
// the database delay nobody: a loop whose handler does not return at once goes on without it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

func newServer(addr string) *nethttp.Server {
	return &nethttp.Server{
		Addr:              addr,
		Handler:           newHandler(newStore(20 * time.Millisecond)),
		ReadHeaderTimeout: 10 * time.Second,
	}
}

func newHandler(users *store) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer)
	r.Use(middleware.SetHeader("X-Served-By", "chi"))
	r.Get("/ping", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "pong") })
	r.Get("/panic", func(w http.ResponseWriter, r *http.Request) { panic("a handler's mistake") })
	r.Route("/users", func(r chi.Router) {
		r.Post("/", users.create)
		r.Get("/{id}", users.show)
	})
	r.Get("/stats", users.stats)
	return r
}

// store stands for a database behind a network: each query waits, and gives up with its context.
type store struct {
	latency time.Duration

	mu      sync.Mutex
	names   []string
	givenUp int
}

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func newStore(latency time.Duration) *store {
	return &store{latency: latency, names: []string{"Ada", "Grace", "Edsger"}}
}

// wait is the blocking part of a query.
func (s *store) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.givenUp++
		return ctx.Err()
	}
}

func (s *store) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(chi.URLParam(r, "id"))
	if err != nil {
		http.Error(w, "id is not a number", http.StatusBadRequest)
		return
	}
	latency := s.latency
	if r.URL.Query().Has("slow") {
		latency = time.Hour
	}
	if err := s.wait(r.Context(), latency); err != nil {
		return // the client has left
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > len(s.names) {
		http.NotFound(w, r)
		return
	}
	writeJSON(w, http.StatusOK, user{ID: id, Name: s.names[id-1]})
}

func (s *store) create(w http.ResponseWriter, r *http.Request) {
	var u user
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&u); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.wait(r.Context(), s.latency); err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, u.Name)
	u.ID = len(s.names)
	writeJSON(w, http.StatusCreated, u)
}

func (s *store) stats(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]int{"users": len(s.names), "given_up": s.givenUp})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the client may have left
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
