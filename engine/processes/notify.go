package processes

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// notifier tells the system's service manager, by the sd_notify protocol, how the service is. Without one it does nothing.
type notifier struct {
	conn  *net.UnixConn
	every time.Duration // of signs of life; 0: none are wanted
	last  time.Time
}

// newNotifier reads NOTIFY_SOCKET and WATCHDOG_USEC.
func newNotifier() (n notifier) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return n
	}
	n.conn, _ = net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // who is not there need not be told
	if micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && micros > 0 {
		n.every = time.Duration(micros) * time.Microsecond / 2
	}
	return n
}

func (n *notifier) say(text string) {
	if n.conn != nil {
		n.conn.SetWriteDeadline(time.Now().Add(commandTimeout))
		n.conn.Write([]byte(text))
	}
}

// reloading must have the time by the clock that does not stop.
func (n *notifier) reloading() {
	if micros, err := netio.Monotonic(); err == nil {
		n.say(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", micros))
	}
}

// alive is called by the master's loop, which is what the watchdog watches: it watches the workers.
func (n *notifier) alive(now time.Time) {
	if n.conn != nil && n.every > 0 && now.Sub(n.last) >= n.every {
		n.last = now
		n.say("WATCHDOG=1")
	}
}

func (n *notifier) close() {
	if n.conn != nil {
		n.conn.Close()
		n.conn = nil
	}
}
