package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/internal/chromium"
)

// TestBrowser: the page, in a browser, talks to a member who has none.
func TestBrowser(t *testing.T) {
	addr, _ := start(t)
	ada := enter(t, addr, "tea", "ada")
	ada.want(`{"kind":"welcome","names":["ada"],"last":null}`)
	ada.say("is there <b>anybody</b>?")
	ada.want(`{"kind":"said","name":"ada","text":"is there <b>anybody</b>?"}`)

	page := open(t, "http://"+addr+"/")
	page.run(`$("name").value = "bob"; $("join").requestSubmit(); await seen("ada: is there <b>anybody</b>?")`)
	ada.want(`{"kind":"joined","name":"bob"}`)
	require.Equal(t, "ada, bob", page.run(`return $("names").textContent`))

	page.run(`$("text").value = "grüß dich"; $("say").requestSubmit(); await seen("bob: grüß dich")`)
	ada.want(`{"kind":"said","name":"bob","text":"grüß dich"}`)
	ada.say("/subject tea")
	ada.want(`{"kind":"subject","name":"ada","text":"tea"}`)
	page.run(`await until(() => $("subject").textContent === "tea")`)

	ada.leave()
	page.run(`await seen("ada has left")`)
	require.Equal(t, "bob", page.run(`return $("names").textContent`))
	dup := enter(t, addr, "tea", "ada")
	dup.next()
	page.run(`$("name").value = "ada"; $("join").requestSubmit(); await until(() => $("state").textContent.startsWith("closed"))`)
	require.Equal(t, "closed with 4009 somebody has that name", page.run(`return $("state").textContent`))
}

// devTools speaks to a page by the DevTools protocol, which is JSON over a WebSocket.
type devTools struct {
	t    *testing.T
	conn *websocket.Conn
	last int
}

// open starts a browser with a page. The test's end ends it.
func open(t *testing.T, url string) *devTools {
	t.Helper()
	cmd := chromium.Command(t.Context(), t, "--remote-debugging-port=0", url)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // says that it was killed
	})
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	var addr string
	lines := bufio.NewScanner(stderr)
	for addr == "" && lines.Scan() {
		if m := regexp.MustCompile(`^DevTools listening on ws://([^/]+)/`).FindStringSubmatch(lines.Text()); m != nil {
			addr = m[1]
		}
	}
	late.Stop()
	require.NotEmpty(t, addr, "the browser has not said where it listens")
	go func() {
		for lines.Scan() { // what is not read would stop it
		}
	}()

	var at string
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + addr + "/json/list")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		var targets []struct{ Type, URL, WebSocketDebuggerURL string }
		if json.NewDecoder(res.Body).Decode(&targets) != nil {
			return false
		}
		for _, target := range targets {
			if target.Type == "page" && target.URL == url {
				at = target.WebSocketDebuggerURL
			}
		}
		return at != ""
	}, patience, 50*time.Millisecond, "the browser has not opened the page")
	conn, _, err := websocket.DefaultDialer.Dial(at, nil)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	d := &devTools{t: t, conn: conn}
	require.Eventually(t, func() bool {
		ready, err := d.evaluate(`return document.readyState === "complete" && location.href !== "about:blank"`)
		return err == "" && ready == true
	}, patience, 10*time.Millisecond, "the page has not loaded")
	return d
}

// within are the words that code for the page may use besides the page's own.
const within = `
const until = async ready => { while (!ready()) await new Promise(done => setTimeout(done, 10)) }
const seen = text => until(() => [...document.querySelectorAll("#events li")].some(item => item.textContent === text))
`

// run has the page run the body of an async function, and returns what that returns.
func (d *devTools) run(code string) any {
	d.t.Helper()
	value, failure := d.evaluate(code)
	require.Empty(d.t, failure, code)
	return value
}

func (d *devTools) evaluate(code string) (value any, failure string) {
	d.t.Helper()
	d.last++
	require.NoError(d.t, d.conn.SetReadDeadline(time.Now().Add(patience)))
	require.NoError(d.t, d.conn.WriteJSON(map[string]any{"id": d.last, "method": "Runtime.evaluate", "params": map[string]any{
		"expression": "(async () => {" + within + code + "})()", "awaitPromise": true, "returnByValue": true,
	}}))
	for {
		var answer struct {
			ID     int
			Error  json.RawMessage
			Result struct {
				Result           struct{ Value any }
				ExceptionDetails json.RawMessage
			}
		}
		require.NoError(d.t, d.conn.ReadJSON(&answer), code)
		if answer.ID == d.last {
			return answer.Result.Result.Value, string(answer.Error) + string(answer.Result.ExceptionDetails)
		}
	}
}
