package servers

import (
	"log/slog"
	"net/http"

	"github.com/lxzan/gws"
)

// newGws serves the WebSocket endpoints by gws on net/http: a goroutine for each connection, no goroutine for a message, which is
// its default and best for echo, and its Broadcaster for topics.
func newGws(string, Options) (Server, error) {
	return onStandard(http.NewServeMux(), gwsSockets), nil
}

func gwsSockets(mux *http.ServeMux) (end func()) {
	var all members[*gws.Conn]
	option := &gws.ServerOption{CheckUtf8Enabled: true, ReadMaxPayloadSize: socketBytesMax, Recovery: gws.Recovery, Logger: gwsLog{}}
	echo := gws.NewUpgrader(&gwsEcho{gwsMember{all: &all}}, option)
	topic := gws.NewUpgrader(&gwsMember{all: &all}, option)
	enter := func(u *gws.Upgrader) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, err := u.Upgrade(w, r)
			if err != nil {
				return
			}
			c.Session().Store("topic", r.PathValue("name"))
			go c.ReadLoop() // the handler's goroutine and what net/http holds for it are free
		}
	}
	mux.HandleFunc("GET /ws", enter(echo))
	mux.HandleFunc("GET /topic/{name}", enter(topic))
	mux.HandleFunc("POST /topic/{name}", publishing(func(topic string, message []byte) int {
		b := gws.NewBroadcaster(gws.OpcodeBinary, message)
		defer b.Close()
		return all.each(topic, func(c *gws.Conn) { b.Broadcast(c) })
	}))
	return func() { all.closeAll(func(c *gws.Conn) { c.NetConn().Close() }) }
}

// gwsMember is what happens to every connection: it is a member of its topic while it is open.
type gwsMember struct {
	gws.BuiltinEventHandler
	all *members[*gws.Conn]
}

func (h *gwsMember) topic(c *gws.Conn) string {
	topic, _ := c.Session().Load("topic")
	return topic.(string)
}

func (h *gwsMember) OnOpen(c *gws.Conn)                    { h.all.join(h.topic(c), c) }
func (h *gwsMember) OnClose(c *gws.Conn, _ error)          { h.all.leave(h.topic(c), c) }
func (h *gwsMember) OnPing(c *gws.Conn, payload []byte)    { c.WritePong(payload) }
func (h *gwsMember) OnMessage(_ *gws.Conn, m *gws.Message) { m.Close() }

type gwsEcho struct{ gwsMember }

func (h *gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.WriteMessage(m.Opcode, m.Bytes())
}

// gwsLog has gws's complaints on standard error.
type gwsLog struct{}

func (gwsLog) Error(v ...any) { slog.Error("gws", "what", v) }
