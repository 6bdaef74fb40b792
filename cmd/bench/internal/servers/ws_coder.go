package servers

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// newCoder serves the WebSocket endpoints by coder/websocket on net/http.
func newCoder(string, Options) (Server, error) {
	return onStandard(http.NewServeMux(), coderSockets), nil
}

// coderSubscriber is a subscriber as in coder's chat example: its handler's goroutine writes what lies in a queue, and whoever
// lets that overflow is dropped.
type coderSubscriber struct {
	conn  *websocket.Conn
	queue chan []byte
}

func coderSockets(mux *http.ServeMux) (end func()) {
	var (
		echoes      members[*websocket.Conn]
		subscribers members[*coderSubscriber]
	)
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		echoes.join("", conn)
		defer conn.CloseNow()
		defer echoes.leave("", conn)
		conn.SetReadLimit(socketBytesMax)
		for ctx := context.Background(); ; {
			kind, message, err := conn.Read(ctx)
			if err != nil || conn.Write(ctx, kind, message) != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /topic/{name}", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		s := &coderSubscriber{conn, make(chan []byte, socketQueueMax)}
		subscribers.join(r.PathValue("name"), s)
		defer conn.CloseNow()
		defer subscribers.leave(r.PathValue("name"), s)
		ctx := conn.CloseRead(context.Background())
		for {
			select {
			case <-ctx.Done():
				return
			case message := <-s.queue:
				wait, cancel := context.WithTimeout(ctx, writeWait)
				err := conn.Write(wait, websocket.MessageBinary, message)
				cancel()
				if err != nil {
					return
				}
			}
		}
	})
	mux.HandleFunc("POST /topic/{name}", publishing(func(topic string, message []byte) int {
		return subscribers.each(topic, func(s *coderSubscriber) {
			select {
			case s.queue <- message:
			default:
				go s.conn.CloseNow()
			}
		})
	}))
	return func() {
		echoes.closeAll(func(c *websocket.Conn) { c.CloseNow() })
		subscribers.closeAll(func(s *coderSubscriber) { s.conn.CloseNow() })
	}
}
