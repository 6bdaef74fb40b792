package main

import (
	"fmt"
	"slices"
	"strings"
)

// scenario is one way to load a server. Its parts run at the same time, each with its own row in the table.
type scenario struct {
	name  string // as -scenarios takes it
	parts []part
	idle  bool // measures the memory of idle connections instead
}

// part is a share of a scenario's connections that all send the same request.
type part struct {
	title  string
	path   string
	body   string // to expect
	shares int    // of 4: 4 is all connections
	depth  int    // requests pipelined
}

// The short form: what an unchanged http.Handler program would notice. %d is the number of connections.
var scenarios = []scenario{
	{name: "plaintext", parts: []part{
		{"plaintext, %d connections", "/plaintext", plaintext, 4, 1}}},
	{name: "pipelined", parts: []part{
		{"plaintext, pipelined by 16", "/plaintext", plaintext, 4, 16}}},
	{name: "json", parts: []part{
		{"json, %d connections", "/json", `{"message":"` + plaintext + `"}`, 4, 1}}},
	{name: "blocking", parts: []part{
		{"blocking mix: %d on plaintext", "/plaintext", plaintext, 3, 1},
		{"blocking mix: %d sleep 20 ms", "/sleep/20", "awake", 1, 1}}},
	{name: "idle", idle: true},
}

func scenarioNames() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// plain reports whether a raw server offers s: whether s asks for nothing but /plaintext.
func (s scenario) plain() bool {
	return !slices.ContainsFunc(s.parts, func(p part) bool { return p.path != "/plaintext" })
}

// chosen are the scenarios that a comma-separated list names, in our order; of an empty list all that every server has.
func chosen(list string, servers []string) (some []scenario, err error) {
	raw := ""
	for _, name := range servers {
		if c, _ := candidateNamed(name); c.raw {
			raw = name
		}
	}
	names := scenarioNames()
	if list != "" {
		if names, err = pick("scenarios", list, names); err != nil {
			return nil, err
		}
	}
	for _, s := range scenarios {
		if !slices.Contains(names, s.name) {
			continue
		}
		if raw == "" || s.plain() {
			some = append(some, s)
		} else if list != "" {
			return nil, usageError("-scenarios %s: %s answers only /plaintext", s.name, raw)
		}
	}
	return some, nil
}

// pick checks a flag's comma-separated list against what there is.
func pick(flag, list string, from []string) (names []string, err error) {
	for n := range strings.SplitSeq(list, ",") {
		n = strings.TrimSpace(n)
		known := false
		for _, f := range from {
			known = known || f == n
		}
		if !known {
			return nil, usageError("-%s: no %q; there are %s", flag, n, strings.Join(from, ", "))
		}
		names = append(names, n)
	}
	return names, nil
}

// groups makes the parts' loads for a server at addr.
func (s scenario) groups(addr string, conns int) ([]*group, error) {
	var gs []*group
	for _, p := range s.parts {
		r, err := newRequest("GET", "http://"+addr+p.path, nil, nil)
		if err != nil {
			return nil, err
		}
		r.want.body = []byte(p.body)
		n := max(1, conns*p.shares/4)
		title := p.title
		if strings.Contains(title, "%d") {
			title = fmt.Sprintf(title, n)
		}
		gs = append(gs, newGroup(title, n, p.depth, r))
	}
	return gs, nil
}
