// Command chat is a chat with rooms on the native API's WebSockets, and the page that talks to it: whoever comes is told who
// is there and what was said last, everybody is told who comes and goes, and who reads too slowly is shown the door.
//
//	cd examples/chat && go run .
//
// and open http://127.0.0.1:8080/ twice.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/native/files"
)

//go:embed page
var page embed.FS

func newServer(addr string) (*native.Server, *chat) {
	files, c := pageFiles(), newChat()
	rt := native.NewRouter()
	rt.Handle("GET /ws/{room}", c.enter)
	rt.Handle("GET /{path...}", files)
	return &native.Server{Addr: addr, Router: rt}, c
}

func pageFiles() native.Handler {
	sub, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the name is no path
	}
	return files.FS(sub, files.Options{})
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server, _ := newServer(*addr)
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
