// Command native is a program on the native API: notes as JSON, an event for each change of them, uploads, an answer that
// is computed once, and a directory with the page that uses all of it.
//
//	cd examples/native && go run .
//	curl -H 'Authorization: Bearer letmein' --json '{"text":"buy milk"}' http://127.0.0.1:8080/api/notes
//	curl -N http://127.0.0.1:8080/api/changes
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/native/compress"
	"github.com/peregrine-http/peregrine/engine/native/files"
)

// config is what the flags say.
type config struct {
	addr   string
	loops  int
	public string
	token  string
	log    *slog.Logger
}

func newServer(c config) (*native.Server, error) {
	page, err := files.Dir(c.public, files.Options{Fallback: "index.html", CacheControl: "max-age=60"})
	if err != nil {
		return nil, err
	}
	notes := newStore()
	server := &native.Server{Addr: c.addr, Loops: c.loops, Router: newRouter(c, notes, page), Logger: c.log}
	server.OnStart(func(context.Context) error {
		notes.add("read the source", "the program")
		return nil
	})
	server.OnStop(func(context.Context) error { // all requests have been answered
		c.log.Info("stopped", "notes", len(notes.all()))
		return nil
	})
	return server, nil
}

func newRouter(c config, notes *store, page native.Handler) *native.Router {
	rt := native.NewRouter()
	rt.Use(logged(c.log), compress.New(compress.Options{}))
	rt.ResponseHeader("X-Content-Type-Options", "nosniff")
	rt.ResponseHeader("X-Robots-Tag", "noindex", "/app/") // for all but the page
	rt.NotFound = func(w *native.Response, r *native.Request) error {
		return native.Errorf(404, "there is nothing at %s", r.Path())
	}
	rt.OnError = answerError(c.log)

	api := rt.Group("/api")
	api.Handle("GET /notes", notes.list)
	api.Handle("GET /notes/{id}", notes.show)
	api.Handle("GET /changes", notes.changes)

	authors := api.Group("")
	authors.Use(authorized(c.token))
	authors.Handle("POST /notes", notes.create, native.Body(64<<10))
	authors.Handle("PUT /notes/{id}", notes.replace, native.Body(64<<10))
	authors.Handle("DELETE /notes/{id}", notes.remove)

	rt.Const("GET /version", version)
	rt.Handle("POST /upload", upload, native.Body(32<<20), native.Own())
	rt.Handle("GET /app/{path...}", page)
	rt.Handle("GET /{$}", func(w *native.Response, _ *native.Request) error { return w.Redirect(302, "/app/") })
	return rt
}

// version runs once, before the first connection is accepted.
func version(w *native.Response, _ *native.Request) error {
	return w.JSON(200, map[string]string{"go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH})
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	flag.IntVar(&c.loops, "loops", 0, "`number` of event loops; 0: as many as CPUs may be used")
	flag.StringVar(&c.public, "public", "public", "`directory` with the page and its files")
	flag.StringVar(&c.token, "token", "letmein", "`secret` of those who may write")
	flag.Parse()
	c.log = slog.Default()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server, err := newServer(c)
	if err != nil {
		log.Fatal(err)
	}
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
	if err := server.Serve(l); !errors.Is(err, native.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}
