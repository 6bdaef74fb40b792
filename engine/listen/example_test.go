package listen_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/peregrine-http/peregrine/engine/listen"
)

// A server on two addresses: a port of this machine, and a socket that members of a group may connect to.
func ExampleServe() {
	dir, err := os.MkdirTemp("", "listen")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.sock")
	ls, err := listen.Config{Mode: 0o660}.All("127.0.0.1:0", "unix:"+path)
	if err != nil {
		panic(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })}
	served := make(chan error)
	go func() { served <- listen.Serve(ls, srv.Serve) }()

	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", path)
	}}}
	res, err := client.Get("http://app/")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	srv.Close()
	fmt.Println(string(body), <-served)
	// Output: hello http: Server closed
}
