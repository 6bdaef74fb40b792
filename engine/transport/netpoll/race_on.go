//go:build race && (linux || darwin)

package netpoll

import (
	"time"

	"github.com/cloudwego/netpoll"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// letGo closes the descriptor of a connection that netpoll has done with, after a while. netpoll's build for the race
// detector finds the connection of an event by the number of the descriptor, so a late event would end the connection that
// has the number by then.
func letGo(fd int, place netpoll.Connection) {
	place.(interface{ Detach() error }).Detach()
	time.AfterFunc(quarantine, func() { netio.CloseFD(fd) })
}

const quarantine = 50 * time.Millisecond
