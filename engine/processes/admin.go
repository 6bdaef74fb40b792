package processes

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// The admin endpoint speaks HTTP/1.1, one request on a connection, without bodies. It is here and not a server of this
// module or of net/http because it must work when those do not, and because a program that serves by one of them should not
// link the other.

// adminName is what the socket is called on its way to the next master.
const adminName = "peregrine.admin"

// reply is an answer of the admin endpoint.
type reply struct {
	status int
	kind   string // Content-Type
	body   []byte
}

func text(status int, format string, args ...any) reply {
	return reply{status, "text/plain; charset=utf-8", fmt.Appendf(nil, format+"\n", args...)}
}

// openAdmin opens the admin socket, or takes it from in. What in has and o does not want is only a file afterwards.
func openAdmin(o Options, in inheritance) (g, unwanted *group, err error) {
	if in.admin != nil {
		l, err := listener(in.admin)
		if err != nil {
			return nil, nil, err
		}
		addr := l.Addr().String()
		l.Close()
		g = &group{addr: "unix:" + addr, files: []*os.File{in.admin}, private: true, handed: true}
		if addr != o.Admin {
			g, unwanted = nil, g.leave()
		}
	}
	if o.Admin == "" {
		return nil, unwanted, nil
	}
	if g == nil {
		g = &group{addr: "unix:" + o.Admin, private: true}
	}
	return g, unwanted, g.open(o)
}

// serveAdmin answers on the admin socket until it is closed.
func (m *master) serveAdmin(l net.Listener) {
	for slots := make(chan struct{}, adminMax); ; {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(adminPause)
			continue
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			m.answerAdmin(c)
		}()
	}
}

func (m *master) answerAdmin(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(adminTimeout))
	in := textproto.NewReader(bufio.NewReader(io.LimitReader(c, adminHeadMax)))
	line, err := in.ReadLine()
	if err != nil {
		return
	}
	if _, err := in.ReadMIMEHeader(); err != nil {
		return
	}
	r := m.dispatchAdmin(c, line)
	fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
		r.status, map[int]string{200: "OK", 202: "Accepted"}[r.status], r.kind, len(r.body))
	c.Write(r.body)
}

func (m *master) dispatchAdmin(c net.Conn, line string) reply {
	words := strings.Fields(line)
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return text(400, "not an HTTP/1 request")
	}
	target, err := url.ParseRequestURI(words[1])
	if err != nil {
		return text(400, "bad request-target")
	}
	if rest, ok := strings.CutPrefix(target.Path, "/workers/"); ok && words[0] == "GET" {
		index, profile, _ := strings.Cut(rest, "/pprof/")
		if i, err := strconv.Atoi(index); err == nil {
			return m.askProfile(c, i, profile, target.Query().Get("seconds"))
		}
	}
	commands := map[string]func() reply{
		"GET /status": func() reply {
			body, _ := json.MarshalIndent(m.status(), "", "  ")
			return reply{200, "application/json", append(body, '\n')}
		},
		"POST /replace": func() reply { return done(m.replaceAll()) },
		"POST /upgrade": func() reply { return done(m.upgrade()) },
		"POST /reopen":  func() reply { m.reopen(); return done(nil) },
		"POST /dump":    func() reply { m.dump(); return done(nil) },
		"POST /drain":   func() reply { m.stop("the admin endpoint"); return done(nil) },
	}
	if words[0] == "GET" && target.Path == "/metrics" {
		return m.metrics()
	}
	if f := commands[words[0]+" "+target.Path]; f != nil {
		return ask(m, f)
	}
	return text(404, "there is nothing for %s %s: GET /status /metrics /workers/{index}/pprof/{profile}, POST /replace /upgrade /reopen /dump /drain", words[0], target.Path)
}

// metrics is the status as Options.Metrics writes it. It is not called by the loop, and its panic is an answer: what the
// program does there must not keep the master from its workers.
func (m *master) metrics() (r reply) {
	if m.o.Metrics == nil {
		return text(404, "the program has no metrics: want Options.Metrics, for example Text of engine/processes/metrics")
	}
	var s *Status
	if r := ask(m, func() reply { s = m.status(); return reply{} }); s == nil {
		return r
	}
	defer func() {
		if p := recover(); p != nil {
			r = text(500, "Options.Metrics panicked: %v\n%s", p, debug.Stack())
		}
	}()
	body, err := m.o.Metrics(s)
	if err != nil {
		return text(500, "%v", err)
	}
	return reply{200, "text/plain; version=0.0.4; charset=utf-8", body}
}

// done is the reply to a command.
func done(err error) reply {
	if err != nil {
		return text(409, "%v", err)
	}
	return text(202, "accepted: the log says how it goes")
}

// ask has the loop work out an answer.
func ask(m *master, f func() reply) reply {
	answer := make(chan reply, 1)
	m.post(func() { answer <- f() })
	select {
	case r := <-answer:
		return r
	case <-m.done:
		return text(503, "the service has ended")
	}
}

// askProfile has a worker write a profile of itself.
func (m *master) askProfile(c net.Conn, index int, profile, seconds string) reply {
	if len(profile) > profileNameMax { // a command must go through a pipe in one piece
		return text(404, "no profile has a name of more than %d bytes", profileNameMax)
	}
	n := 0
	if profile == "profile" {
		n = 30 // as in net/http/pprof
		if seconds != "" {
			var err error
			if n, err = strconv.Atoi(seconds); err != nil || n < 1 || n > profileMax {
				return text(400, "seconds is %q: want 1 to %d", seconds, profileMax)
			}
		}
	}
	wait := time.Duration(n)*time.Second + adminTimeout
	c.SetDeadline(time.Now().Add(wait))
	answer := make(chan reply, 1)
	m.post(func() {
		if index < 0 || index >= len(m.slots) || m.slots[index].child == nil {
			answer <- text(404, "no worker %d", index)
			return
		}
		m.profiles++
		m.asked[m.profiles] = answer
		id := m.profiles
		time.AfterFunc(wait, func() { m.post(func() { delete(m.asked, id) }) })
		m.order(m.slots[index].child, fmt.Sprintf("%s %d %d %s", commandProfile, id, n, url.PathEscape(profile)))
	})
	select {
	case r := <-answer:
		return r
	case <-time.After(wait):
		return text(504, "worker %d does not answer", index)
	case <-m.done:
		return text(503, "the service has ended")
	}
}
