package http2_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/peregrine-http/peregrine/adapters/http2"
	"github.com/peregrine-http/peregrine/engine/native"
)

func ExampleEnable() {
	routes := native.NewRouter()
	routes.Handle("GET /hello/{name}", func(w *native.Response, r *native.Request) error {
		return w.Text(200, "Hello, "+string(r.Param("name"))+"!")
	})
	srv := &native.Server{Router: routes}
	http2.Enable(srv, http2.Options{Unencrypted: true})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go srv.Serve(l) // or ListenAndServeTLS
	defer srv.Shutdown(context.Background())

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	defer client.CloseIdleConnections()
	res, err := client.Get("http://" + l.Addr().String() + "/hello/world")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.Proto, string(body))
	// Output: HTTP/2.0 Hello, world!
}
