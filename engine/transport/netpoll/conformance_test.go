//go:build linux || darwin

package netpoll_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/netpoll"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, netpoll.New, conformance.NoSocket, conformance.NoPause)
}
