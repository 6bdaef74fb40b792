package servers

import (
	"net/http"

	"github.com/lesismal/nbio/nbhttp/websocket"
)

// nbioSockets are the WebSocket endpoints by nbio's own, on its loops. It has no message that is framed once for many.
func nbioSockets(mux *http.ServeMux) {
	var all members[*websocket.Conn]
	echo, topic := websocket.NewUpgrader(), websocket.NewUpgrader()
	echo.OnMessage(func(c *websocket.Conn, kind websocket.MessageType, message []byte) { c.WriteMessage(kind, message) })
	for _, u := range []*websocket.Upgrader{echo, topic} {
		u.OnClose(func(c *websocket.Conn, _ error) {
			topic, _ := c.Session().(string)
			go all.leave(topic, c) // a failed write of each below may have ended it
		})
	}
	enter := func(u *websocket.Upgrader) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, err := u.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			c.SetSession(r.PathValue("name"))
			all.join(r.PathValue("name"), c)
		}
	}
	mux.HandleFunc("GET /ws", enter(echo))
	mux.HandleFunc("GET /topic/{name}", enter(topic))
	mux.HandleFunc("POST /topic/{name}", publishing(func(topic string, message []byte) int {
		return all.each(topic, func(c *websocket.Conn) { c.WriteMessage(websocket.BinaryMessage, message) })
	}))
}
