package netio

import "golang.org/x/sys/unix"

// SetListening sets options on a TCP socket that does not listen yet. Package net sets keep-alive on what its Accept
// returns, from its own configuration; what is accepted without it has that of the listening socket.
func SetListening(fd int, o Listening) error {
	if o.KeepAliveIdle != 0 {
		if err := setKeepAlive(fd, o.KeepAliveIdle, o.KeepAliveInterval, o.KeepAliveCount); err != nil {
			return err
		}
	}
	var options []tcpOption
	if o.DeferAccept != 0 {
		options = append(options, tcpOption{"TCP_DEFER_ACCEPT", unix.TCP_DEFER_ACCEPT, o.DeferAccept})
	}
	if o.FastOpen != 0 {
		options = append(options, tcpOption{"TCP_FASTOPEN", unix.TCP_FASTOPEN, o.FastOpen})
	}
	return setTCP(fd, options)
}
