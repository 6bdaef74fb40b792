package engine

import (
	"sync"
	"sync/atomic"

	"github.com/peregrine-http/peregrine/engine/transport"
	"github.com/peregrine-http/peregrine/httpparse"
)

// desk is what one goroutine that runs sessions works at: the exchange and the parser, borrowed by the connection it
// runs now. It lives in Turn.Local, so that no request allocates one and no idle connection keeps one.
type desk struct {
	x     Exchange
	req   *httpparse.Request // never nil while a session runs
	shard uint32             // of counters.requests
}

var desks atomic.Uint32

func deskOf(t *transport.Turn) *desk {
	d, ok := t.Local.(*desk)
	if !ok {
		d = &desk{shard: desks.Add(1) % counterShards}
		t.Local = d
	}
	if d.req == nil {
		d.req = getParser()
	}
	return d
}

// lend hands the desk's parser, with what it knows of a head so far, to the connection that waits for the head's rest.
func (d *desk) lend() *httpparse.Request {
	p := d.req
	d.req = getParser()
	return p
}

// take puts p, which has come to the end of its head, in the place of the desk's parser.
func (d *desk) take(p *httpparse.Request) {
	putParser(d.req)
	d.req = p
}

var parsers sync.Pool

func getParser() *httpparse.Request {
	if p, ok := parsers.Get().(*httpparse.Request); ok {
		return p
	}
	return new(httpparse.Request)
}

func putParser(p *httpparse.Request) {
	if cap(p.Fields) <= parserFieldsKeep {
		p.Reset()
		parsers.Put(p)
	}
}
