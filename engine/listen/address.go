package listen

import (
	"fmt"
	"net"
	"strings"
)

// Address is an address in the syntax of this package, taken apart.
type Address struct {
	// Network is package net's: "tcp", "tcp4", "tcp6" or "unix".
	Network string
	// Name is "HOST:PORT", a path, or "@NAME".
	Name string
}

// Parse takes an address apart. Its error says what is wrong with it and what an address looks like.
func Parse(addr string) (Address, error) {
	wrong := func(what string) (Address, error) {
		return Address{}, fmt.Errorf("listen: address %q: %s", addr, what)
	}
	const want = `want "HOST:PORT" (":80", "[::1]:80"), "tcp4:HOST:PORT", "tcp6:HOST:PORT", "unix:PATH" or "unix:@NAME"`
	if name, ok := strings.CutPrefix(addr, "unix:"); ok {
		switch {
		case name == "" || name == "@":
			return wrong("the name is missing: " + want)
		case strings.IndexByte(name, 0) >= 0:
			return wrong("it has a zero byte")
		case len(name) > pathMax:
			return wrong(fmt.Sprintf("the path has %d bytes, the kernel takes %d: choose a shorter one, or a relative one", len(name), pathMax))
		}
		return Address{"unix", name}, nil
	}
	a := Address{"tcp", addr}
	for _, network := range [...]string{"tcp4", "tcp6"} {
		if name, ok := strings.CutPrefix(addr, network+":"); ok && strings.IndexByte(name, ':') >= 0 { // not a host "tcp4" and its port
			a = Address{network, name}
		}
	}
	if strings.HasPrefix(addr, "@") || strings.HasPrefix(addr, "/") {
		return wrong(`it looks like a Unix socket: write "unix:` + addr + `"`)
	}
	if _, port, err := net.SplitHostPort(a.Name); err != nil || port == "" {
		return wrong(want)
	}
	return a, nil
}

// String returns the address as Parse takes it.
func (a Address) String() string {
	if a.Network == "tcp" {
		return a.Name
	}
	return a.Network + ":" + a.Name
}

// Path returns the path of a Unix socket's file, "" for every other address.
func (a Address) Path() string {
	if a.Network != "unix" || a.abstract() {
		return ""
	}
	return a.Name
}

func (a Address) abstract() bool { return a.Network == "unix" && a.Name[0] == '@' }
