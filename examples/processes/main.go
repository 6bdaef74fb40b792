// Command processes serves from several worker processes, which can be replaced while it serves: the room at /room is one
// for the WebSockets of all of them, and /metrics of the admin socket counts for all of them.
//
//	cd examples/processes && go run . -processes 4 -admin /tmp/admin
//	curl http://127.0.0.1:8080/                                       who has answered
//	curl --data hello http://127.0.0.1:8080/room                      to all who are in the room
//	curl --unix-socket /tmp/admin http://admin/status
//	curl --unix-socket /tmp/admin -X POST http://admin/replace        or kill -HUP: new workers, no request lost
//	go build && kill -USR2 PID                                        a new program, no request lost
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/processes"
	"github.com/peregrine-http/peregrine/engine/processes/metrics"
	"github.com/peregrine-http/peregrine/engine/processes/topics"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

func newServer(rooms *websocket.Topics) *native.Server {
	room := websocket.New(websocket.Options{
		OnOpen:    func(c *websocket.Conn) { rooms.Subscribe(c, "room") },
		OnMessage: func(c *websocket.Conn, m websocket.Message) { rooms.Publish("room", m) },
	})

	rt := native.NewRouter()
	rt.Handle("GET /{$}", func(rw *native.Response, _ *native.Request) error {
		return rw.Text(200, fmt.Sprintf("process %d\n", os.Getpid()))
	})
	rt.Handle("GET /room", func(rw *native.Response, _ *native.Request) error { return rw.WebSocket(room, nil) })
	rt.Handle("POST /room", func(rw *native.Response, r *native.Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		rooms.Publish("room", websocket.Message{Opcode: wsproto.Text, Data: body})
		return rw.Empty(204)
	}, native.Body(64<<10))
	return &native.Server{Router: rt}
}

func main() {
	o := processes.Options{
		Addrs:     []string{"127.0.0.1:8080"},
		Processes: 2,
		Grace:     10 * time.Second,
		Metrics:   metrics.Text,
		Listening: func(addrs []net.Addr) { fmt.Printf("listening on http://%s\n", addrs[0]) },
	}
	o.Flags(flag.CommandLine)
	flag.Parse()

	rooms := new(websocket.Topics)
	server := newServer(rooms)
	o.Counters = func() processes.Counters { return processes.Counters(server.Counters()) }
	if err := processes.Run(o, func(w *processes.Worker) error {
		topics.Connect(w, "rooms", rooms)
		return w.Serve(server)
	}); err != nil {
		log.Fatal(err)
	}
}
