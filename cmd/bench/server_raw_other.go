//go:build !linux

package main

import "errors"

var errLinuxOnly = errors.New("raw servers run on Linux only")

func newFloor(string, Options) (server, error)      { return nil, errLinuxOnly }
func newGnetRaw(string, Options) (server, error)    { return nil, errLinuxOnly }
func newNetpollRaw(string, Options) (server, error) { return nil, errLinuxOnly }

// setNetpollLoops: elsewhere hertz is not on netpoll, or on as many pollers as netpoll likes.
func setNetpollLoops(Options) error { return nil }
