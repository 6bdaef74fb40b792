package listen

import (
	"fmt"
	"io/fs"
	"math"
	"os/user"
	"strconv"
	"time"
)

// Config says how sockets are opened. The zero value is what most programs want. Options of TCP do not concern Unix
// sockets, nor the other way round, so that one Config serves for all addresses of a program. It may be used by any
// goroutine, and copied.
type Config struct {
	// KeepAliveIdle is the silence after which a TCP peer is asked whether it is still there, KeepAliveInterval the time
	// between two probes, KeepAliveCount how many of them stay without an answer before the connection ends. Whole
	// seconds, at most 32767; at most 127 probes. Defaults KeepAliveIdleDefault, KeepAliveIntervalDefault,
	// KeepAliveCountDefault.
	KeepAliveIdle, KeepAliveInterval time.Duration
	KeepAliveCount                   int
	// DeferAccept keeps TCP connections that have sent nothing with the kernel (TCP_DEFER_ACCEPT), for so long in whole
	// seconds; the kernel rounds up to what its retransmissions last. It saves one wake-up for a connection; but a
	// client that connects ahead of its need is not seen, and no timeout of the server counts for it. Linux. Default: off.
	DeferAccept time.Duration
	// FastOpen lets clients that have been here before send their first bytes with the SYN (TCP_FASTOPEN), and bounds how
	// many of those wait for the rest of the handshake. The network may repeat such a SYN, and a request in it
	// is then served twice: for servers whose requests may be repeated. Linux, where bit 2 of net.ipv4.tcp_fastopen
	// must be set. Default 0: off.
	FastOpen int
	// Backlog bounds the connections that wait to be accepted; the kernel cuts it to net.core.somaxconn. Default: that.
	Backlog int
	// ReusePort lets other sockets of this user listen on the same TCP address (SO_REUSEPORT): connections are spread over
	// them. A second instance of the program that was started by mistake gets its share, too, instead of an error:
	// see Share. Linux and macOS. Default: off.
	ReusePort bool
	// Mode is the mode of a Unix socket's file: who may write may connect. Default ModeDefault.
	Mode fs.FileMode
	// Owner and Group are the user and the group that the file is to belong to, by name or number. To give it to another
	// user takes a privilege; to another group, membership. Default: those of the process.
	Owner, Group string
}

// Check names the first field that has a bad value.
func (c Config) Check() error {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("listen: Config.%s is %v: want %s", field, value, want)
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"KeepAliveIdle", c.KeepAliveIdle}, {"KeepAliveInterval", c.KeepAliveInterval}, {"DeferAccept", c.DeferAccept}} {
		if f.value < 0 || f.value%time.Second != 0 || f.value > secondsMax*time.Second {
			return bad(f.name, f.value, fmt.Sprintf("whole seconds from 0 to %d", secondsMax))
		}
	}
	for _, f := range []struct {
		name       string
		value, max int
	}{{"KeepAliveCount", c.KeepAliveCount, keepAliveCountMax}, {"FastOpen", c.FastOpen, queueMax}, {"Backlog", c.Backlog, queueMax}} {
		if f.value < 0 || f.value > f.max {
			return bad(f.name, f.value, fmt.Sprintf("0 to %d", f.max))
		}
	}
	if c.Mode&^fs.ModePerm != 0 {
		return bad("Mode", c.Mode, "permission bits")
	}
	if _, err := c.owner(); err != nil {
		return err
	}
	return nil
}

// settled is the configuration with its defaults.
func (c Config) settled() Config {
	if c.KeepAliveIdle == 0 {
		c.KeepAliveIdle = KeepAliveIdleDefault
	}
	if c.KeepAliveInterval == 0 {
		c.KeepAliveInterval = KeepAliveIntervalDefault
	}
	if c.KeepAliveCount == 0 {
		c.KeepAliveCount = KeepAliveCountDefault
	}
	return c
}

// owner looks up Owner and Group: -1 leaves what is.
func (c Config) owner() (ids struct{ user, group int }, err error) {
	ids.user, ids.group = -1, -1
	if c.Owner != "" {
		if ids.user, err = number(c.Owner, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		}); err != nil {
			return ids, fmt.Errorf("listen: Config.Owner is %q: want a user of this machine, or a number: %w", c.Owner, err)
		}
	}
	if c.Group != "" {
		if ids.group, err = number(c.Group, func(name string) (string, error) {
			g, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return g.Gid, nil
		}); err != nil {
			return ids, fmt.Errorf("listen: Config.Group is %q: want a group of this machine, or a number: %w", c.Group, err)
		}
	}
	return ids, nil
}

// number is the number of a user or group. The largest means nobody to the kernel, and nothing to chown.
func number(name string, lookup func(string) (string, error)) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil && n < math.MaxUint32 {
		return int(n), nil
	}
	id, err := lookup(name)
	if err != nil {
		return -1, err
	}
	n, err := strconv.ParseUint(id, 10, 32)
	return int(n), err
}
