package epoll_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
)

func TestConformance(t *testing.T) { conformance.Run(t, epoll.New) }
