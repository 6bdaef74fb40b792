package load

import (
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// socketURL reports whether a WebSocket is to be loaded.
func (f *loadFlags) socketURL() bool {
	return strings.HasPrefix(f.Arg(0), "ws://") || strings.HasPrefix(f.Arg(0), "wss://")
}

// checkSockets refuses flags that do not go with what is loaded.
func (f *loadFlags) checkSockets() error {
	if !f.socketURL() {
		for _, name := range []string{"size", "text", "subscribe", "publish"} {
			if f.set[name] {
				return command.UsageError("-%s is for a ws:// URL", name)
			}
		}
		return nil
	}
	for _, name := range []string{"close", "url", "method", "H", "body", "body-file", "expect-status", "expect-body", "expect-body-file", "any-body"} {
		if f.set[name] {
			return command.UsageError("-%s is not for a ws:// URL", name)
		}
	}
	least := 0
	if f.subscribe > 0 {
		least = topicHead
		if f.set["rate"] || f.set["c"] || f.text {
			return command.UsageError("-subscribe goes with none of -rate (which is -publish), -c and -text")
		}
	} else if f.set["subscribe"] || f.set["publish"] {
		return command.UsageError("-subscribe %d, -publish %v: want one or more subscribers", f.subscribe, f.publish)
	}
	if f.size < least || f.size > sizeMax {
		return command.UsageError("-size %d: want %d to %d bytes", f.size, least, sizeMax)
	}
	if f.publish < 0 || f.publish > rateMax {
		return command.UsageError("-publish %v: want 0 to %.0f messages a second", f.publish, rateMax)
	}
	if fds := process.ConnectionsMax(); f.subscribe > fds {
		return command.UsageError("-subscribe %d: this process may have %d connections (ulimit -n)", f.subscribe, fds)
	}
	return nil
}

// sizeMax bounds a message, of which each connection may hold a batch.
const sizeMax = 16 << 20

// sockets makes what is to be sent over WebSockets. Subscribers take the place of connections.
func (f *loadFlags) sockets() (m mix, err error) {
	r, err := NewSocketRequest(f.Arg(0), f.size, f.text)
	if err != nil {
		return m, command.UsageError("%v", err)
	}
	if f.status = 200; f.subscribe > 0 {
		f.conns = f.subscribe
		r.Subscribe(f.publish, f.depth)
	}
	return mix{urls: []string{f.Arg(0)}, weights: []int{1}, requests: []*Request{r}}, nil
}

// socketReport is what a report has of WebSockets besides.
type socketReport struct {
	Size        int     `json:"message_bytes"`
	Subscribers int     `json:"subscribers,omitempty"`
	PublishRate float64 `json:"publish_rate,omitempty"` // asked for; absent from a closed loop
	Published   uint64  `json:"published,omitempty"`    // warm-up and end included
}

func newSocketReport(r *Run) *socketReport {
	s := r.Groups[0].Requests[0].socket
	if s == nil {
		return nil
	}
	rep := &socketReport{Size: s.size}
	if t := s.topic; t != nil {
		rep.Subscribers, rep.PublishRate, rep.Published = t.subscribers, t.rate, t.published
	}
	return rep
}

// noun is what the requests of a report are.
func (r *report) noun() string {
	switch {
	case r.Socket == nil:
		return "requests"
	case r.Socket.Subscribers > 0:
		return "deliveries"
	}
	return "messages"
}
