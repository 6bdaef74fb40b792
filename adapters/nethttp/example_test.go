package nethttp_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// The type's name is all that is new.
func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!", r.PathValue("name"))
	})
	srv := &nethttp.Server{Handler: mux}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()

	res, err := http.Get("http://" + l.Addr().String() + "/hello/falcon")
	if err != nil {
		log.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	fmt.Println(res.StatusCode, string(body))

	srv.Shutdown(context.Background())
	fmt.Println(<-served)
	// Output:
	// 200 Hello, falcon!
	// http: Server closed
}

// A server that has to fit a machine with a few cores.
func ExampleServer_loops() {
	srv := &nethttp.Server{Loops: -1}
	fmt.Println(srv.ListenAndServe())
	// Output: nethttp: Server.Loops is -1; it must be from 0 to 256
}
