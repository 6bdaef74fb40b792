package processes_test

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/engine/processes"
)

// Any http.Handler, in a process for each core.
func ExampleServe() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "process", os.Getpid()) })
	o := processes.Options{Addrs: []string{":8080"}, Processes: -1}
	if err := processes.Serve(o, &nethttp.Server{Handler: handler}); err != nil {
		log.Fatal(err)
	}
}

// The same on net/http's own server.
func ExampleServe_standard() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "process", os.Getpid()) })
	o := processes.Options{Addrs: []string{":8080"}, Processes: -1}
	if err := processes.Serve(o, drain.New(&http.Server{Handler: handler})); err != nil {
		log.Fatal(err)
	}
}
