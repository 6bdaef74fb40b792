//go:build !linux && !darwin

package gnet

import (
	"fmt"
	"runtime"

	"github.com/peregrine-http/peregrine/engine/transport"
)

// New has no implementation here.
func New(transport.Options) (transport.Runner, error) {
	return nil, fmt.Errorf("gnet: this transport is for Linux and macOS, not for %s", runtime.GOOS)
}
