package compare

import (
	"fmt"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/load"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// scenario is one way to load a server. Its parts run at the same time, each with its own row in the table.
type scenario struct {
	name  string // as -scenarios takes it
	what  string
	parts []part
	conns int     // 0: as many as -c says
	close bool    // a connection for every request
	open  float64 // an open loop at this share of what the server can do; 0: a closed loop
	sends int     // the size of a WebSocket's messages, in bytes; 0: HTTP
	topic bool    // the connections subscribe to what a publisher sends
	rate  float64 // messages that it publishes a second; 0: the next when all have the last
	slow  bool    // there is a subscriber besides that stops reading; right before it is done without
	idle  bool    // measures the memory of idle connections instead
	tls   bool    // of a server over TLS
}

// part is a share of a scenario's connections that all send the same request.
type part struct {
	title  string // %d is the number of connections
	path   string
	send   string // to POST; "": a GET
	body   string // to expect
	shares int    // of 4: 4 is all connections
	depth  int    // requests pipelined
}

// get is one part for all connections.
func get(title, path, body string) []part { return []part{{title, path, "", body, 4, 1}} }

func echoing(title string, size int) []part {
	return []part{{title, "/echo", pattern.Of(size), pattern.Of(size), 4, 1}}
}

func file(title, name string) []part {
	return get(title, "/static/"+name, pattern.Of(servers.StaticFiles[name]))
}

// scenarios are in the order in which they run: first those of the short form, which is what an unchanged http.Handler program
// would notice.
var scenarios = []scenario{
	{name: "plaintext", what: "13 bytes of text", parts: get("plaintext, %d connections", "/plaintext", servers.Plaintext)},
	{name: "pipelined", what: "the same, 16 requests at once", parts: []part{
		{"plaintext, pipelined by 16", "/plaintext", "", servers.Plaintext, 4, 16}}},
	{name: "json", what: "a struct, marshalled for each request", parts: get("json, %d connections", "/json", `{"message":"`+servers.Plaintext+`"}`)},
	{name: "blocking", what: "a quarter of the connections in a handler that sleeps, the others on plaintext", parts: []part{
		{"blocking mix: %d on plaintext", "/plaintext", "", servers.Plaintext, 3, 1},
		{"blocking mix: %d sleep 20 ms", "/sleep/20", "", "awake", 1, 1}}},

	{name: "params", what: "a path parameter, sent back", parts: get("path parameter, %d connections", "/users/42", "42")},
	{name: "const", what: "an answer that never changes", parts: get("constant, %d connections", "/const", servers.Plaintext)},
	{name: "echo-1k", what: "a body of 1 KB, sent back", parts: echoing("echo of 1 KB, %d connections", 1<<10)},
	{name: "echo-64k", what: "the same with 64 KB", parts: echoing("echo of 64 KB, %d connections", 64<<10)},
	{name: "echo-1m", what: "the same with 1 MB, on 16 connections", conns: 16, parts: echoing("echo of 1 MB, %d connections", 1<<20)},
	{name: "small-file", what: "a file of 1 KB", parts: file("file of 1 KB, %d connections", "small.txt")},
	{name: "large-file", what: "a file of 1 MB, on 16 connections", conns: 16, parts: file("file of 1 MB, %d connections", "large.txt")},
	{name: "conns-1", what: "plaintext on one connection", conns: 1, parts: get("plaintext, 1 connection", "/plaintext", servers.Plaintext)},
	{name: "conns-64", what: "on 64", conns: 64, parts: get("plaintext, %d connections (fixed)", "/plaintext", servers.Plaintext)},
	{name: "conns-512", what: "on 512", conns: 512, parts: get("plaintext, %d connections (fixed)", "/plaintext", servers.Plaintext)},
	{name: "conns-5000", what: "on 5,000", conns: 5000, parts: get("plaintext, %d connections (fixed)", "/plaintext", servers.Plaintext)},
	{name: "conn-per-request", what: "a connection for every request", close: true,
		parts: get("a connection per request, %d at a time", "/plaintext", servers.Plaintext)},
	{name: "open-50", what: "plaintext in an open loop at 50 % of what a closed one did just before", open: 0.5,
		parts: get("open loop at 50 % of capacity", "/plaintext", servers.Plaintext)},
	{name: "open-80", what: "the same at 80 %", open: 0.8, parts: get("open loop at 80 % of capacity", "/plaintext", servers.Plaintext)},

	{name: "idle", what: "memory of idle connections", idle: true},

	{name: "tls", what: "plaintext over TLS, on connections that are kept", tls: true,
		parts: get("plaintext over TLS, %d connections", "/plaintext", servers.Plaintext)},
	{name: "tls-64k", what: "64 KB over TLS", tls: true, parts: get("64 KB over TLS, %d connections", "/bytes/65536", pattern.Of(64<<10))},
	{name: "tls-handshake", what: "a connection with a full handshake for every request", conns: 16, tls: true, close: true,
		parts: get("a TLS handshake per request, %d at a time", "/plaintext", servers.Plaintext)},
	{name: "tls-idle", what: "memory of idle connections over TLS", idle: true, tls: true},

	{name: "ws-echo-64", what: "WebSocket messages of 64 bytes, sent back", conns: 64, sends: 64,
		parts: get("WebSocket echo of 64 bytes, %d connections", "/ws", "")},
	{name: "ws-echo-4k", what: "the same with 4 KB", conns: 64, sends: 4 << 10,
		parts: get("WebSocket echo of 4 KB, %d connections", "/ws", "")},
	{name: "ws-broadcast-1k", what: "messages of 1 KB to 1,000 subscribers, each when all have the last; a request is a delivery", conns: 1000,
		sends: 1 << 10, topic: true, parts: get("broadcast of 1 KB to %d", "/topic/bench", "")},
	{name: "ws-broadcast-5k", what: "the same to 5,000", conns: 5000, sends: 1 << 10, topic: true,
		parts: get("broadcast of 1 KB to %d", "/topic/bench", "")},
	{name: "ws-slow", what: "messages of 16 KB, 200 a second to 100 subscribers, while one more stops reading", conns: 100,
		sends: 16 << 10, topic: true, rate: 200, slow: true, parts: get("broadcast of 16 KB to %d and one that stops reading", "/topic/bench", "")},
	{name: "ws-idle", what: "memory of idle WebSockets", sends: 64, idle: true,
		parts: get("idle, %d WebSockets", "/ws", "")},
}

// shortScenarios are those that a comparison has unless it is told others.
const shortScenarios = "plaintext,pipelined,json,blocking,idle"

func scenarioNames() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// scenarioList describes them for the help text.
func scenarioList() string {
	var b strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&b, "  %-17s %s\n", s.name, s.what)
	}
	return b.String()
}

// plain reports whether a raw server offers s: whether s asks for nothing but /plaintext.
func (s scenario) plain() bool {
	for _, p := range s.parts {
		if p.path != "/plaintext" {
			return false
		}
	}
	return true
}

// request is what a part sends to a server whose URL begins with base.
func (s scenario) request(p part, base string) (*load.Request, error) {
	if s.sends > 0 {
		r, err := load.NewSocketRequest("ws"+strings.TrimPrefix(base, "http")+p.path, s.sends, false)
		if err == nil && s.topic {
			r.Subscribe(s.rate, p.depth)
		}
		return r, err
	}
	method, header := "GET", []string(nil)
	if p.send != "" {
		method = "POST"
	}
	if s.close {
		header = []string{"Connection: close"}
	}
	r, err := load.NewRequest(method, base+p.path, header, []byte(p.send))
	if err != nil {
		return nil, err
	}
	r.Want.Body = []byte(p.body)
	return r, nil
}

// groups makes the parts' loads for a server whose URL begins with base. conns is the number of connections where s does not
// say it. The rate of an open loop is to be set when it is known what the server can do.
func (s scenario) groups(base string, conns int) ([]*load.Group, error) {
	if s.conns > 0 {
		conns = s.conns
	}
	var gs []*load.Group
	for _, p := range s.parts {
		r, err := s.request(p, base)
		if err != nil {
			return nil, err
		}
		n := max(1, conns*p.shares/4)
		title := p.title
		if strings.Contains(title, "%d") {
			title = fmt.Sprintf(title, n)
		}
		g := load.NewGroup(title, n, p.depth, r)
		g.Close = s.close
		gs = append(gs, g)
	}
	return gs, nil
}
