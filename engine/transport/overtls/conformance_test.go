package overtls_test

import (
	"testing"

	"github.com/peregrine-http/peregrine/engine/transport/conformance"
	"github.com/peregrine-http/peregrine/engine/transport/epoll"
	"github.com/peregrine-http/peregrine/engine/transport/portable"
)

func TestConformanceOverEpoll(t *testing.T) { conformance.RunTLS(t, epoll.New) }

func TestConformanceOverPortable(t *testing.T) { conformance.RunTLS(t, portable.New) }
