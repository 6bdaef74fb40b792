package servers

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// SocketUse says whether a server has the WebSocket endpoints: GET /ws, which echoes every message, GET /topic/{name}, which
// subscribes, and POST /topic/{name}, which sends the body to all subscribers as a binary message and answers how many they are.
type SocketUse uint8

const (
	SocketsNone SocketUse = iota
	SocketsToo            // beside the application
	SocketsOnly           // and nothing else: another library on a server that takes part already
)

// Bounds of the WebSocket endpoints: of a message in bytes, and, where there is a queue for each subscriber, of the messages in
// it.
const (
	socketBytesMax = 1 << 20
	socketQueueMax = 256
)

// members are a server's WebSockets by topic, for libraries that leave this to the program. Those that only echo are
// members of the topic "", for the sake of closeAll.
type members[C comparable] struct {
	mu sync.RWMutex
	of map[string]map[C]struct{}
}

func (m *members[C]) join(topic string, c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[string]map[C]struct{}{}
	}
	if m.of[topic] == nil {
		m.of[topic] = map[C]struct{}{}
	}
	m.of[topic][c] = struct{}{}
}

func (m *members[C]) leave(topic string, c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if delete(m.of[topic], c); len(m.of[topic]) == 0 {
		delete(m.of, topic)
	}
}

// each calls do for the members of a topic and returns how many they are. do must neither join nor leave.
func (m *members[C]) each(topic string, do func(C)) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for c := range m.of[topic] {
		do(c)
	}
	return len(m.of[topic])
}

// size is the number of all members.
func (m *members[C]) size() (n int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, cs := range m.of {
		n += len(cs)
	}
	return n
}

// closeAll calls end for every member, on a goroutine of its own, since that may leave.
func (m *members[C]) closeAll(end func(C)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, cs := range m.of {
		for c := range cs {
			go end(c)
		}
	}
}

// onStandard makes a server on net/http's, with a library's WebSockets among the routes of mux. sockets adds them and returns
// what ends their connections: http.Server does not know those that were hijacked.
func onStandard(mux *http.ServeMux, sockets func(*http.ServeMux) (end func())) *http.Server {
	s := &http.Server{Handler: mux}
	s.RegisterOnShutdown(sockets(mux))
	return s
}

// publishing is POST /topic/{name} for net/http. publish sends a message and returns the number of subscribers; it may keep the
// message.
func publishing(publish func(topic string, message []byte) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		message, err := io.ReadAll(http.MaxBytesReader(w, r.Body, socketBytesMax))
		if err != nil {
			http.Error(w, fmt.Sprintf("want a message of at most %d bytes", socketBytesMax), http.StatusRequestEntityTooLarge)
			return
		}
		n := strconv.Itoa(publish(r.PathValue("name"), message))
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(len(n)))
		io.WriteString(w, n)
	}
}
