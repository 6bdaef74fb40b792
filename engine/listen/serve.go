package listen

import (
	"errors"
	"net"
)

// Serve serves all listeners at once, each by a call of serve on a goroutine of its own: the Serve of a server that may be
// called several times, as http.Server's and those of this module may. It returns when all calls have returned, with
// the error of the first. After an error of one the other listeners are closed, since a program that listens on some of
// its addresses only is not what was asked for; connections go on, until the server is shut down.
func Serve(ls []net.Listener, serve func(net.Listener) error) error {
	if len(ls) == 0 {
		return errors.New("listen: Serve: there is no listener")
	}
	results := make(chan error, len(ls))
	for _, l := range ls {
		go func() { results <- serve(l) }()
	}
	first := <-results
	closeAll(ls)
	for range len(ls) - 1 {
		<-results
	}
	return first
}
