// Command robynchat is the chat that Robyn's documentation shows, in this engine's words:
//
//	Robyn                                        here
//	@app.websocket("/chat")                      rt.Handle("GET /chat", …), w.WebSocket(endpoint, value)
//	async def chat(websocket):                   Options.Serve; Options.OnMessage does without a goroutine
//	@chat.on_connect                             Options.OnOpen
//	  return "Welcome"                             c.SendText("Welcome")
//	@chat.on_close                               Options.OnClose, with the code and the reason
//	await websocket.receive_text()               c.Read(), or for m, err := range c.Messages()
//	  except WebSocketDisconnect                   *websocket.CloseError, or the loop's end
//	await websocket.send_text(s)                 c.SendText(s), which says if it was dropped
//	await websocket.send_bytes(b)                c.Send(websocket.Message{Opcode: wsproto.Binary, Data: b})
//	await websocket.receive_json(), send_json    json.Unmarshal(m.Data, &v), json.Marshal
//	await websocket.broadcast(s)                 topics.Publish("chat", m), from anywhere
//	await websocket.close()                      c.Close(code, reason)
//	websocket.id                                 the *Conn; c.Value() for what belongs to it
//	websocket.query_params.get("name")           r.Query("name"), before the upgrade
//	(path parameters, headers, cookies: none)    r.Param, r.Header, r.Cookie, and middleware
//
//	cd examples/robynchat && go run .
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

func newServer(addr string) (*native.Server, *websocket.Topics) {
	everyone := new(websocket.Topics)
	broadcast := func(text string) {
		everyone.Publish("chat", websocket.Message{Opcode: wsproto.Text, Data: []byte(text)})
	}
	chat := websocket.New(websocket.Options{
		OnOpen: func(c *websocket.Conn) {
			c.SendText(fmt.Sprintf("Welcome, %s!", c.Value()))
			everyone.Subscribe(c, "chat")
		},
		Serve: func(c *websocket.Conn) {
			for m, err := range c.Messages() {
				switch {
				case err != nil: // gone without a goodbye
					return
				case string(m.Data) == "quit":
					c.Close(wsproto.NormalClosure, "Goodbye!")
					return
				}
				broadcast(fmt.Sprintf("%s: %s", c.Value(), m.Data))
				c.SendText("Your message was sent")
			}
		},
		OnClose: func(c *websocket.Conn, _ wsproto.CloseCode, _ string) {
			broadcast(fmt.Sprintf("%s has left", c.Value()))
		},
	})
	rt := native.NewRouter()
	rt.Handle("GET /chat", func(w *native.Response, r *native.Request) error {
		name := string(r.Query("name"))
		if name == "" || !utf8.ValidString(name) { // all others would have to break off at such a text
			return native.Errorf(400, "want /chat?name=")
		}
		return w.WebSocket(chat, name)
	})
	return &native.Server{Addr: addr, Router: rt}, everyone
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
