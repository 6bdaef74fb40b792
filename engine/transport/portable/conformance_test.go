package portable_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

func TestConformance(t *testing.T) { conformance.Run(t, portable.New) }
