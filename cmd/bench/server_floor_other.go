//go:build !linux

package main

import (
	"errors"
)

func newFloor(string, serveOptions) (server, error) {
	return nil, errors.New("floor runs on Linux only")
}
