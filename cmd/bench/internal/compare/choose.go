package compare

import (
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// everything is what a list of servers or scenarios may be instead of names.
const everything = "all"

// chosen are the scenarios that a comma-separated list names, in our order: of an empty list those of the short form that all the
// servers offer, of "all" all. In the others a server that does not offer one is left out of it.
func chosen(list string, servers []string) (some []scenario, err error) {
	from := list
	if list == "" {
		from = shortScenarios
	}
	names := scenarioNames()
	if list != everything {
		if names, err = pick("scenarios", from, names); err != nil {
			return nil, err
		}
	}
	for _, s := range scenarios {
		if !slices.Contains(names, s.name) {
			continue
		}
		n := 0
		for _, name := range servers {
			if offers(name, s) {
				n++
			}
		}
		switch {
		case n == len(servers) || n > 0 && list != "":
			some = append(some, s)
		case list != "" && list != everything:
			return nil, command.UsageError("-scenarios %s: %s has nothing of the kind", s.name, strings.Join(servers, ", "))
		}
	}
	if len(some) == 0 {
		return nil, command.UsageError("-scenarios: there is none that all of %s have; name some, or all", strings.Join(servers, ", "))
	}
	return some, nil
}

// pick checks a flag's comma-separated list against what there is.
func pick(flag, list string, from []string) (names []string, err error) {
	for n := range strings.SplitSeq(list, ",") {
		n = strings.TrimSpace(n)
		if !slices.Contains(from, n) {
			return nil, command.UsageError("-%s: no %q; there are %s", flag, n, strings.Join(from, ", "))
		}
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names, nil
}

// chooseServers reads -servers, -external and -base. External servers stand behind the others.
func (c *comparison) chooseServers(list string, externals []string, base string) (err error) {
	if list == everything {
		c.servers = servers.Available()
	} else if c.servers, err = pick("servers", list, servers.Names()); err != nil {
		return err
	}
	for _, text := range externals {
		x, err := parseExternal(text)
		if err != nil {
			return err
		}
		key := externalKey{x.name, x.tls}
		if slices.Contains(servers.Names(), x.name) || c.externals[key] != nil {
			return command.UsageError("-external %s: there is a server of that name", x.name)
		}
		if c.external(x.name) == nil {
			c.servers = append(c.servers, x.name)
		}
		if c.externals == nil {
			c.externals = map[externalKey]*external{}
		}
		c.externals[key] = x
	}
	if base != "" {
		if c.base = slices.Index(c.servers, base); c.base < 0 {
			return command.UsageError("-base %s: want one of %s", base, strings.Join(c.servers, ", "))
		}
	}
	return nil
}

// offers reports whether a server of ours has what a scenario asks for. What an external one has, a probe tells.
func offers(name string, s scenario) bool {
	c, ours := servers.Named(name)
	switch {
	case ours && s.sends > 0:
		return c.Sockets != servers.SocketsNone
	case ours && s.tls && !slices.Contains(c.Takes, "tls"):
		return false
	}
	return !ours || c.Sockets != servers.SocketsOnly && (!c.Raw || s.plain())
}
