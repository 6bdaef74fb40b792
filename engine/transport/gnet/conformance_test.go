//go:build linux || darwin

package gnet_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/gnet"
)

func TestConformance(t *testing.T) { conformance.Run(t, gnet.New) }
