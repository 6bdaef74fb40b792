package servers

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// gorillaSubscriber is a subscriber as in gorilla's chat example: a goroutine reads, another one writes what lies in a queue, and
// whoever lets that overflow is dropped. The messages are gorilla's PreparedMessages, framed once for all.
type gorillaSubscriber struct {
	conn  *websocket.Conn
	queue chan *websocket.PreparedMessage
	once  sync.Once
}

// writeWait bounds one write, as in the example.
const writeWait = 10 * time.Second

func (s *gorillaSubscriber) end() { s.once.Do(func() { s.conn.Close() }) }

func (s *gorillaSubscriber) write(over chan struct{}) {
	defer s.end()
	for {
		select {
		case <-over:
			return
		case m := <-s.queue:
			s.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if s.conn.WritePreparedMessage(m) != nil {
				return
			}
		}
	}
}

// gorillaSockets are the WebSocket endpoints by gorilla/websocket.
func gorillaSockets(mux *http.ServeMux) (end func()) {
	var (
		upgrader    websocket.Upgrader
		echoes      members[*websocket.Conn]
		subscribers members[*gorillaSubscriber]
	)
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		echoes.join("", conn)
		defer conn.Close()
		defer echoes.leave("", conn)
		conn.SetReadLimit(socketBytesMax)
		for {
			opcode, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(opcode, message) != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /topic/{name}", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		s := &gorillaSubscriber{conn: conn, queue: make(chan *websocket.PreparedMessage, socketQueueMax)}
		subscribers.join(r.PathValue("name"), s)
		over := make(chan struct{})
		go s.write(over)
		defer s.end()
		defer close(over)
		defer subscribers.leave(r.PathValue("name"), s)
		conn.SetReadLimit(socketBytesMax)
		for {
			if _, _, err := conn.NextReader(); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("POST /topic/{name}", publishing(func(topic string, message []byte) int {
		m, err := websocket.NewPreparedMessage(websocket.BinaryMessage, message)
		if err != nil {
			return 0
		}
		return subscribers.each(topic, func(s *gorillaSubscriber) {
			select {
			case s.queue <- m:
			default:
				s.end()
			}
		})
	}))
	return func() {
		echoes.closeAll(func(c *websocket.Conn) { c.Close() })
		subscribers.closeAll((*gorillaSubscriber).end)
	}
}
