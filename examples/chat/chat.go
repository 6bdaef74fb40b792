package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

const (
	nameMax  = 40      // bytes of a room's name, and of a member's
	textMax  = 4 << 10 // bytes of a message: above, the connection is closed with 1009
	lastMax  = 20      // messages that a room remembers
	queueMax = 256     // messages that wait for a member: above, the connection is closed with 1013
)

// nameTaken is the code of a Close; those from 4000 on are the program's.
const nameTaken wsproto.CloseCode = 4009

// event is what the members of a room are told.
type event struct {
	Kind string `json:"kind"` // "joined", "left", "said" or "subject"
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
}

// welcome is what a member is told first.
type welcome struct {
	Kind  string   `json:"kind"` // "welcome"
	Names []string `json:"names"`
	Last  []event  `json:"last"`
}

// chat is all rooms.
type chat struct {
	endpoint *websocket.Endpoint
	events   websocket.Topics // a room's name: what happens there
	subjects websocket.Topics // a room's name: what it talks about, which whoever comes later is told too

	mu    sync.Mutex // held while an event is published, so that it is either in a welcome or comes after it
	rooms map[string]*room
}

// room is there as long as somebody is inside.
type room struct {
	names map[string]bool
	last  []event
}

// member is a connection's value.
type member struct {
	room, name string
	inside     bool
}

func newChat() *chat {
	c := &chat{rooms: map[string]*room{}}
	c.subjects.Keep = true
	c.endpoint = websocket.New(websocket.Options{
		OnOpen:           c.join,
		OnMessage:        c.message,
		OnClose:          c.leave,
		Compression:      1,
		Limits:           wsproto.Limits{MessageBytesMax: textMax},
		QueueMessagesMax: queueMax,
		Slow:             websocket.Disconnect, // a chat with gaps is none: who comes back is told what was said last
		CloseTimeout:     time.Second,
	})
	return c
}

// enter answers the handshake. A page cannot see why one is refused; therefore join refuses what a user can do wrong.
func (c *chat) enter(w *native.Response, r *native.Request) error {
	room, name := string(r.Param("room")), strings.TrimSpace(string(r.Query("name")))
	for _, s := range []string{room, name} {
		if s == "" || len(s) > nameMax || !utf8.ValidString(s) {
			return native.Errorf(400, "want /ws/{room}?name=, with names of 1 to %d bytes", nameMax)
		}
	}
	return w.WebSocket(c.endpoint, &member{room: room, name: name})
}

func (c *chat) join(conn *websocket.Conn) {
	m := conn.Value().(*member)
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[m.room]
	if r == nil {
		r = &room{names: map[string]bool{}}
		c.rooms[m.room] = r
	}
	if r.names[m.name] {
		conn.Close(nameTaken, "somebody has that name")
		return
	}
	r.names[m.name] = true
	m.inside = true
	hello := welcome{"welcome", slices.Sorted(maps.Keys(r.names)), slices.Clone(r.last)}
	conn.Send(websocket.Message{Opcode: wsproto.Text, Data: encode(hello)}) // an error: it has gone already, and leaves
	c.publish(event{Kind: "joined", Name: m.name}, m.room)
	c.events.Subscribe(conn, m.room)
	c.subjects.Subscribe(conn, m.room)
}

// subject begins a message that says what the room talks about.
const subject = "/subject "

func (c *chat) message(conn *websocket.Conn, got websocket.Message) {
	if got.Opcode != wsproto.Text {
		conn.Close(wsproto.UnsupportedData, "want text")
		return
	}
	m := conn.Value().(*member)
	e := event{"said", m.name, string(got.Data)}
	if text, found := strings.CutPrefix(e.Text, subject); found {
		e.Kind, e.Text = "subject", text
		c.subjects.Publish(m.room, websocket.Message{Opcode: wsproto.Text, Data: encode(e)})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[m.room]
	if len(r.last) == lastMax {
		r.last = slices.Delete(r.last, 0, 1)
	}
	r.last = append(r.last, e)
	c.publish(e, m.room)
}

func (c *chat) leave(conn *websocket.Conn, _ wsproto.CloseCode, _ string) {
	m := conn.Value().(*member)
	if !m.inside {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rooms[m.room]
	delete(r.names, m.name)
	if len(r.names) == 0 {
		delete(c.rooms, m.room)
		c.subjects.Forget(m.room)
		return
	}
	c.publish(event{Kind: "left", Name: m.name}, m.room)
}

func (c *chat) publish(e event, room string) {
	c.events.Publish(room, websocket.Message{Opcode: wsproto.Text, Data: encode(e)})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // no value of these types
	}
	return b
}
