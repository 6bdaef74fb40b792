//go:build !race && (linux || darwin)

package netpoll

import "github.com/cloudwego/netpoll"

// letGo leaves it to netpoll to close the descriptor of a connection that it has done with.
func letGo(int, netpoll.Connection) {}
