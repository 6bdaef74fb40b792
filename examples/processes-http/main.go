// Command processes-http is a net/http program, on net/http's own server, that serves from several processes: what has
// changed in it is how it is started. While it serves, kill -HUP replaces its processes and, after go build, kill -USR2
// the program; no request is lost.
//
//	cd examples/processes-http && go run . -processes 4
//	curl http://127.0.0.1:8080/
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/engine/processes"
)

func newServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "process %d\n", os.Getpid()) })
	return &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
}

func main() {
	o := processes.Options{
		Addrs:     []string{"127.0.0.1:8080"},
		Processes: 2,
		Listening: func(addrs []net.Addr) { fmt.Printf("listening on http://%s\n", addrs[0]) },
	}
	o.Flags(flag.CommandLine)
	flag.Parse()
	if err := processes.Serve(o, drain.New(newServer())); err != nil {
		log.Fatal(err)
	}
}
