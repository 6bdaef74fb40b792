//go:build !linux

package servers

import "errors"

var errLinuxOnly = errors.New("raw servers run on Linux only")

func newFloor(string, Options) (Server, error)      { return nil, errLinuxOnly }
func newGnetRaw(string, Options) (Server, error)    { return nil, errLinuxOnly }
func newNetpollRaw(string, Options) (Server, error) { return nil, errLinuxOnly }

// setNetpollLoops: elsewhere hertz is not on netpoll, or on as many pollers as netpoll likes.
func setNetpollLoops(Options) error { return nil }
