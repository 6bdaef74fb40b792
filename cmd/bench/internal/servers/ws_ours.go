package servers

import (
	"net/http"
	"strconv"

	"github.com/peregrine-http/peregrine/adapters/nethttp/upgrade"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// ours are the WebSockets of engine/websocket, behind either door.
type ours struct {
	echo, topic *websocket.Endpoint
	topics      websocket.Topics
}

func newOurs() *ours {
	s := &ours{}
	limits := wsproto.Limits{MessageBytesMax: socketBytesMax}
	s.echo = websocket.New(websocket.Options{
		OnMessage: func(c *websocket.Conn, m websocket.Message) { c.Send(m) },
		Limits:    limits,
	})
	s.topic = websocket.New(websocket.Options{
		OnOpen: func(c *websocket.Conn) { s.topics.Subscribe(c, c.Value().(string)) },
		Limits: limits,
	})
	return s
}

func (s *ours) publish(topic string, message []byte) int {
	return s.topics.Publish(topic, websocket.Message{Opcode: wsproto.Binary, Data: message})
}

func nativeSockets(rt *native.Router) {
	s := newOurs()
	rt.Handle("GET /ws", func(w *native.Response, _ *native.Request) error {
		return w.WebSocket(s.echo, nil)
	})
	rt.Handle("GET /topic/{name}", func(w *native.Response, r *native.Request) error {
		return w.WebSocket(s.topic, string(r.Param("name")))
	})
	rt.Handle("POST /topic/{name}", func(w *native.Response, r *native.Request) error {
		message, err := r.Body()
		if err != nil {
			return err
		}
		return w.Bytes(200, "text/plain", strconv.AppendInt(nil, int64(s.publish(string(r.Param("name")), message)), 10))
	}, native.Body(socketBytesMax))
}

func adapterSockets(mux *http.ServeMux) {
	s := newOurs()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		upgrade.WebSocket(w, r, s.echo, nil) // an error has been answered
	})
	mux.HandleFunc("GET /topic/{name}", func(w http.ResponseWriter, r *http.Request) {
		upgrade.WebSocket(w, r, s.topic, r.PathValue("name"))
	})
	mux.HandleFunc("POST /topic/{name}", publishing(s.publish))
}
