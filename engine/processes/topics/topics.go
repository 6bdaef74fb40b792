// Package topics has what is published under WebSocket topics in one worker process reach subscribers in all of them.
//
// A message goes once to the master and from there once to each other worker, however many subscribers that has; each
// process makes one frame of it for all of its own.
//
// Invariant: a message is delivered at most once to each subscriber, those of one publisher in their order.
package topics

import (
	"github.com/peregrine-http/peregrine/engine/processes"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// Connect connects the topics of this worker with those of the same channel in all others, those of the next generation
// included, as long as this worker serves. Call it once for each Topics, before anything is published; it sets ts.Forward.
// What is lost, and which bounds there are, says processes.Worker.Join. A message that a worker keeps (Topics.Keep) is not
// given to workers that start later.
func Connect(w *processes.Worker, channel string, ts *websocket.Topics) {
	send := w.Join(channel, func(name string, kind byte, data []byte) {
		if op := wsproto.Opcode(kind); op == wsproto.Text || op == wsproto.Binary { // anything else Deliver takes for a mistake of its caller
			ts.Deliver(name, websocket.Message{Opcode: op, Data: data})
		}
	})
	ts.Forward = func(topic string, m websocket.Message) { send(topic, byte(m.Opcode), m.Data) }
}
