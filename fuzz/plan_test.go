package fuzz

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/internal/netio"
)

// plan is what a seed stands for: a network, a server and what its clients will do.
type plan struct {
	faults  netio.Faults
	loops   int
	timeout time.Duration // of everything that has a timeout; 0: none
	clients []*client
	asked   map[string]*request // by id
	// The server is told to stop after this many steps, gently or not; 0: when all clients are done.
	stopAfter int
	rude      bool
}

// client is one connection and what it says.
type client struct {
	requests []*request
	waits    bool   // for an answer before the next request: not pipelined
	sent     []byte // all that it will send; waiting ones take it by requests
	// How it ends. Without any of these it waits for the server's end, or ends when all is answered.
	halfClose bool // ends its side as soon as all is sent
	closes    bool // goes away after sending at most stopAt bytes
	resets    bool // the same, with RST
	stopAt    int
	pauses    bool // stops reading for a while
}

// kind is what the handler does with a request.
type kind uint8

const (
	inline    kind = iota // answers at once
	echoes                // with the body
	slow                  // after some milliseconds
	trickles              // reads a little and flushes it, again and again, chunked
	flushes               // in the middle of the answer
	part                  // reads only the beginning of the body
	large                 // much output, without flushing
	streams               // much output, flushing when it is full
	watches               // sleeps, or less if its context ends
	continues             // sends 100 before reading
	files                 // sends a part of a file
	closing               // makes the answer the last one
	lingering             // the same, although the client goes on sending
	garbled               // is never called: the request breaks a rule
	panics
	exits // runtime.Goexit
	kinds
)

// request is one request and its answer.
type request struct {
	id    string
	kind  kind
	wire  []byte
	body  []byte
	size  int           // of a large answer
	take  int           // of the body, by part
	pause time.Duration // of those that sleep
	ends  bool          // nothing behind it is answered
	whole bool          // all of it is sent
}

// newPlan draws everything from the seed.
func newPlan(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &plan{faults: netio.DefaultFaults(), loops: 1 + r.IntN(2), asked: make(map[string]*request)}
	bulk := r.IntN(8) == 0 // a network of large pieces: only there are large answers affordable
	switch {
	case bulk:
		p.faults.SmallBuffers, p.faults.SmallPieces = 0, 0.05
	case r.IntN(3) == 0:
		p.faults.Reset, p.faults.Aborted = 0, 0
	}
	switch r.IntN(3) {
	case 0:
		p.timeout = time.Minute // armed, and never met but by who is idle
	case 1:
		p.timeout = 5 * time.Second
	}
	for n := range 1 + r.IntN(5) {
		p.clients = append(p.clients, p.newClient(r, n, bulk))
	}
	if r.IntN(6) == 0 {
		p.stopAfter, p.rude = 1+r.IntN(300), r.IntN(3) == 0
	}
	return p
}

func (p *plan) newClient(r *rand.Rand, number int, bulk bool) *client {
	c := &client{waits: r.IntN(3) == 0, pauses: r.IntN(4) == 0}
	calm := r.IntN(3) > 0 // no handler of it ends the connection
	for n := range 1 + r.IntN(6) {
		q := newRequest(r, fmt.Sprintf("%d.%d", number, n), bulk, calm)
		p.asked[q.id] = q
		c.requests = append(c.requests, q)
		c.sent = append(c.sent, q.wire...)
	}
	switch r.IntN(6) {
	case 0:
		c.halfClose = true
	case 1: // in the middle of the last request
		c.halfClose = true
		last := c.requests[len(c.requests)-1]
		last.whole = false
		c.sent = c.sent[:len(c.sent)-1-r.IntN(len(last.wire))]
		last.wire = last.wire[:len(last.wire)-(total(c.requests)-len(c.sent))]
	case 2:
		c.closes, c.stopAt = true, r.IntN(len(c.sent)+1)
	case 3:
		c.resets, c.stopAt = true, r.IntN(len(c.sent)+1)
	}
	return c
}

func total(requests []*request) (n int) {
	for _, q := range requests {
		n += len(q.wire)
	}
	return n
}

func newRequest(r *rand.Rand, id string, bulk, calm bool) *request {
	q := &request{id: id, whole: true, pause: time.Millisecond + time.Duration(r.IntN(50_000_000))}
	for q.kind = kind(r.IntN(int(kinds))); calm && q.kind >= closing || r.IntN(2) == 0; {
		q.kind = kind(r.IntN(int(closing)))
	}
	q.ends = q.kind >= closing
	q.size = r.IntN(600)
	n := r.IntN(120)
	if bulk {
		q.size = r.IntN(200_000)
		n = r.IntN(20_000)
	}
	var b strings.Builder
	switch r.IntN(3) {
	case 0:
		fmt.Fprintf(&b, "GET /%s HTTP/1.1\r\nHost: sim\r\n\r\n", id)
	case 1:
		q.body = pattern(id, n)
		fmt.Fprintf(&b, "POST /%s HTTP/1.1\r\nHost: sim\r\n%sContent-Length: %d\r\n\r\n%s", id, q.expect(), len(q.body), q.body)
	case 2:
		q.body = pattern(id, n)
		fmt.Fprintf(&b, "PUT /%s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%sHost: sim\r\n\r\n", id, q.expect())
		for rest := q.body; len(rest) > 0; {
			k := 1 + r.IntN(len(rest))
			fmt.Fprintf(&b, "%X\r\n%s\r\n", k, rest[:k])
			rest = rest[k:]
		}
		b.WriteString("0\r\n")
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "X-Id: %s\r\n", id)
		}
		b.WriteString("\r\n")
	}
	if q.body != nil && r.IntN(4) == 0 {
		b.WriteString("\r\n") // as old clients do behind a body
	}
	q.take = r.IntN(len(q.body) + 1)
	q.wire = []byte(b.String())
	if q.kind == garbled {
		q.wire = bytes.Replace(q.wire, []byte("Host: sim\r\n"), []byte("Host: sim\n"), 1)
	}
	return q
}

func (q *request) expect() string {
	if q.kind == continues {
		return "Expect: 100-continue\r\n"
	}
	return ""
}

// pattern is n bytes in which every few bytes say whose they are.
func pattern(id string, n int) []byte {
	b := make([]byte, 0, n+16)
	for i := 0; len(b) < n; i++ {
		b = fmt.Appendf(b, "%s@%d ", id, i)
	}
	return b[:n]
}

// answer is what the client of a whole request gets, to the byte.
func (q *request) answer() []byte {
	content := []byte("done " + q.id)
	var b []byte
	switch q.kind {
	case panics, exits:
		return nil
	case garbled:
		return []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")
	case echoes:
		content = q.body
	case part:
		content = q.body[:q.take]
	case large, streams:
		content = pattern(q.id, q.size)
	case files:
		content = pattern(fileID, q.size)
	case continues:
		b = append(b, "HTTP/1.1 100 Continue\r\n\r\n"...)
		content = q.body
	case trickles:
		b = append(b, q.head("Transfer-Encoding: chunked\r\n")...)
		for rest := q.body; len(rest) > 0; {
			k := min(len(rest), trickle)
			b = fmt.Appendf(b, "%x\r\n%s\r\n", k, rest[:k])
			rest = rest[k:]
		}
		return append(b, "0\r\n\r\n"...)
	}
	b = append(b, q.head(fmt.Sprintf("Content-Length: %d\r\n", len(content)))...)
	return append(b, content...)
}

// fileID is whose pattern a file has that all can send: fileSize bytes.
const (
	fileID   = "file"
	fileSize = 200_000
)

// trickle is how many bytes of the body a chunk of the answer has.
const trickle = 48

func (q *request) head(framing string) string {
	if q.ends {
		framing += "Connection: close\r\n"
	}
	return "HTTP/1.1 200 OK\r\nX-Id: " + q.id + "\r\n" + framing + "\r\n"
}
