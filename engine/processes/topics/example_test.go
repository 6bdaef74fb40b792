package topics_test

import (
	"log"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/processes"
	"github.com/peregrine-http/peregrine/engine/processes/topics"
	"github.com/peregrine-http/peregrine/engine/websocket"
)

// Four processes, one room.
func ExampleConnect() {
	rooms := new(websocket.Topics)
	room := websocket.New(websocket.Options{
		OnOpen:    func(c *websocket.Conn) { rooms.Subscribe(c, "room") },
		OnMessage: func(c *websocket.Conn, m websocket.Message) { rooms.Publish("room", m) },
	})
	rt := native.NewRouter()
	rt.Handle("GET /room", func(w *native.Response, _ *native.Request) error { return w.WebSocket(room, nil) })
	o := processes.Options{Addrs: []string{"127.0.0.1:8080"}, Processes: 4}
	err := processes.Run(o, func(w *processes.Worker) error {
		topics.Connect(w, "rooms", rooms)
		return w.Serve(&native.Server{Router: rt})
	})
	if err != nil {
		log.Fatal(err)
	}
}
