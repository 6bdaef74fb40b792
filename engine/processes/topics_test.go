//go:build linux || darwin

package processes_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// member is a subscriber, and the worker that it is connected to.
type member struct {
	*websocket.Conn
	at answer
}

// subscribe returns false if it has met a worker that drains.
func (s *service) subscribe() (member, bool) {
	s.t.Helper()
	c, resp, err := websocket.DefaultDialer.Dial("ws://"+s.addr+"/ws", nil)
	if resp != nil && resp.StatusCode == 503 {
		return member{}, false
	}
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(2 * patience))
	m := member{Conn: c}
	m.at, err = parseAnswer(m.hear(s.t))
	require.NoError(s.t, err)
	return m, true
}

func (m member) hear(t *testing.T) string {
	t.Helper()
	_, text, err := m.ReadMessage()
	require.NoError(t, err)
	return string(text)
}

// subscribeAll returns a member at each of n workers of a generation: one that has just been told to drain may still accept.
func (s *service) subscribeAll(n, generation int) []member {
	s.t.Helper()
	found := map[int]member{}
	eventually(s.t, "subscribers of all workers", func() bool {
		m, ok := s.subscribe()
		_, there := found[m.at.index]
		switch {
		case !ok:
		case there || m.at.generation != generation:
			m.Close()
		default:
			found[m.at.index] = m
		}
		return len(found) == n
	})
	all := make([]member, n)
	for i, m := range found {
		all[i] = m
	}
	return all
}

// TestTopics: what is published in one worker comes once to the subscribers in all, in order.
func TestTopics(t *testing.T) {
	s := launch(t, config{Options: options(3), Server: "native"}).up(3)
	all := s.subscribeAll(3, 1)
	const each = 300
	for i := range each {
		for _, m := range all {
			require.NoError(t, m.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, "%d %d", m.at.index, i)))
		}
	}
	large := strings.Repeat("x", 60<<10)
	require.NoError(t, all[0].WriteMessage(websocket.TextMessage, []byte(large)))
	for i, m := range all {
		next := map[int]int{}
		for range 2*each + min(i, 1) {
			var from, number int
			text := m.hear(t)
			if text == large {
				require.Equal(t, each, next[0])
				continue
			}
			_, err := fmt.Sscan(text, &from, &number)
			require.NoError(t, err)
			require.NotEqual(t, i, from)
			require.Equal(t, next[from], number)
			next[from]++
		}
	}
	s.kill(syscall.SIGTERM) // who has subscribed is told
	for _, m := range all {
		_, _, err := m.ReadMessage()
		var end *websocket.CloseError
		require.True(t, errors.As(err, &end), err)
		require.Equal(t, websocket.CloseGoingAway, end.Code)
	}
	require.Equal(t, 0, s.exits())
}

// TestTopicsDuringReplacement: subscribers in workers that drain hear what is published in their successors, and the other way
// round, if the program is replaced, too.
func TestTopicsDuringReplacement(t *testing.T) {
	o := options(2)
	o.Linger = time.Hour // until it is cut
	o.Admin = filepath.Join(t.TempDir(), "admin")
	s := launch(t, config{Options: o, Server: "native"}).up(2)
	all := s.subscribeAll(2, 1)
	s.kill(syscall.SIGHUP)
	s.says(1, "processes: replacement done")
	all = append(all, s.subscribeAll(2, 2)...)
	s.kill(syscall.SIGUSR2)
	s.says(1, "has taken over: draining")
	all = append(all, s.subscribeAll(2, 3)...)
	masters := map[int]bool{}
	for i, from := range all {
		masters[from.at.master] = true
		text := fmt.Sprint("news ", i)
		require.NoError(t, from.WriteMessage(websocket.TextMessage, []byte(text)))
		for j, to := range all {
			if i != j {
				require.Equal(t, text, to.hear(t))
			}
		}
	}
	require.Len(t, masters, 2)
	_, status := admin(t, o.Admin, "GET", "/status")
	require.Contains(t, status, `"dropped": 0`)
	for master := range masters {
		require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
	}
	for len(s.nobody) == 0 && len(masters) > 0 { // a second signal, later, cuts
		for master := range masters {
			if syscall.Kill(master, syscall.SIGTERM) != nil {
				delete(masters, master)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.Equal(t, 0, s.exits())
}
