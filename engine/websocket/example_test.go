package websocket_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	client "github.com/gorilla/websocket"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/upgrade"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

func Example() {
	rooms := new(websocket.Topics)
	endpoint := websocket.New(websocket.Options{
		OnOpen:    func(c *websocket.Conn) { rooms.Subscribe(c, c.Value().(string)) },
		OnMessage: func(c *websocket.Conn, m websocket.Message) { rooms.Publish(c.Value().(string), m) },
	})
	rt := native.NewRouter()
	rt.Handle("GET /rooms/{name}", func(w *native.Response, r *native.Request) error {
		return w.WebSocket(endpoint, string(r.Param("name")))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &native.Server{Router: rt}
	go srv.Serve(l)
	defer srv.Shutdown(context.Background())

	c, _, err := client.DefaultDialer.Dial("ws://"+l.Addr().String()+"/rooms/kitchen", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	c.WriteMessage(client.TextMessage, []byte("tea is ready"))
	_, text, err := c.ReadMessage()
	fmt.Println(string(text), err)
	// Output: tea is ready <nil>
}

// A handler of net/http, and the style with a goroutine for each connection.
func ExampleOptions_serve() {
	endpoint := websocket.New(websocket.Options{Serve: func(c *websocket.Conn) {
		for m, err := range c.Messages() {
			if err != nil {
				return
			}
			c.SendText("Hello, " + string(m.Data) + "!")
		}
		c.Close(wsproto.NormalClosure, "")
	}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		if err := upgrade.WebSocket(w, r, endpoint, nil); err != nil {
			log.Print(err) // the request has been answered
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &nethttp.Server{Handler: mux}
	go srv.Serve(l)
	defer srv.Close()

	c, _, err := client.DefaultDialer.Dial("ws://"+l.Addr().String()+"/hello", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	c.WriteMessage(client.TextMessage, []byte("Ada"))
	_, text, err := c.ReadMessage()
	fmt.Println(string(text), err)
	// Output: Hello, Ada! <nil>
}
