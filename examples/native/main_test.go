package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/examples/internal/twin"
)

func TestMain(m *testing.M) { twin.Main(m, main) }

func TestProgram(t *testing.T) { twin.Program(t, "-loops", "1") }

// TestNotes: what is created can be read, replaced and removed, with the token only.
func TestNotes(t *testing.T) {
	url, log := start(t)
	require.JSONEq(t, `[{"id":1,"text":"read the source","author":"the program"}]`, ask(t, "GET", url+"/api/notes", "").want(t, 200))

	created := ask(t, "POST", url+"/api/notes", `{"text":"buy milk"}`)
	require.JSONEq(t, `{"id":2,"text":"buy milk","author":"127.0.0.1"}`, created.want(t, 201))
	require.Equal(t, "/api/notes/2", created.header.Get("Location"))
	require.Equal(t, "nosniff", created.header.Get("X-Content-Type-Options"))
	require.Equal(t, "noindex", created.header.Get("X-Robots-Tag"))
	ask(t, "PUT", url+"/api/notes/2", `{"text":"buy cheese"}`).want(t, 200)
	require.JSONEq(t, `{"id":2,"text":"buy cheese","author":"127.0.0.1"}`, ask(t, "GET", url+"/api/notes/2", "").want(t, 200))
	require.Empty(t, ask(t, "DELETE", url+"/api/notes/2", "").want(t, 204))

	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", "/api/notes/2", "", 404, `{"error":"there is no note 2"}`},
		{"PUT", "/api/notes/2", `{"text":"x"}`, 404, `{"error":"there is no note 2"}`},
		{"DELETE", "/api/notes/2", "", 404, `{"error":"there is no note 2"}`},
		{"GET", "/api/notes/two", "", 400, `{"error":"the id is not a number"}`},
		{"POST", "/api/notes", `{"text":""}`, 422, `{"error":"a note has a text"}`},
		{"POST", "/api/notes", `{"text":`, 400, `{"error":"JSON: unexpected end of JSON input at byte 8 (line 1, column 9)"}`},
		{"GET", "/nowhere", "", 404, `{"error":"there is nothing at /nowhere"}`},
	} {
		require.JSONEq(t, c.answer, ask(t, c.method, url+c.path, c.body).want(t, c.status), c.path)
	}
	ask(t, "POST", url+"/api/notes", `{"text":"`+strings.Repeat("x", 64<<10)+`"}`).want(t, 413)

	refused := request(t, "DELETE", url+"/api/notes/1", "")
	answer := send(t, refused)
	require.JSONEq(t, `{"error":"a token is needed"}`, answer.want(t, 401))
	require.Equal(t, "Bearer", answer.header.Get("WWW-Authenticate"))

	wrong := ask(t, "PATCH", url+"/api/notes/1", `{}`)
	wrong.want(t, 405)
	require.Equal(t, "DELETE, GET, HEAD, OPTIONS, PUT", wrong.header.Get("Allow"))
	require.Contains(t, log.String(), `pattern="DELETE /api/notes/{id}" status=204`)
}

// TestVersion: the constant answer is the same each time, and has an ETag.
func TestVersion(t *testing.T) {
	url, log := start(t)
	first := ask(t, "GET", url+"/version", "")
	require.Contains(t, first.want(t, 200), `"go":"go1.`)
	again := request(t, "GET", url+"/version", "")
	again.Header.Set("If-None-Match", first.header.Get("ETag"))
	require.Empty(t, send(t, again).want(t, 304))
	require.Contains(t, log.String(), `pattern="GET /version"`) // middleware runs
}

// TestPage: files, the page in the place of those that are not there, and nothing from outside of the directory.
func TestPage(t *testing.T) {
	url, _ := start(t)
	page, err := os.ReadFile(filepath.Join("public", "index.html"))
	require.NoError(t, err)
	for _, path := range []string{"/", "/app/", "/app/notes/7"} {
		answer := ask(t, "GET", url+path, "")
		require.Equal(t, string(page), answer.want(t, 200), path)
		require.Equal(t, "max-age=60", answer.header.Get("Cache-Control"))
		require.Empty(t, answer.header.Get("X-Robots-Tag"))
	}
	style := ask(t, "GET", url+"/app/style.css", "")
	require.Contains(t, style.want(t, 200), "font-family")
	require.Equal(t, "text/css; charset=utf-8", style.header.Get("Content-Type"))
	ask(t, "GET", url+"/app/missing.js", "").want(t, 404)
	for _, path := range []string{"/app/..%2fmain.go", "/app/%2e%2e/main.go", "/app/..%5cmain.go"} {
		require.NotContains(t, ask(t, "GET", url+path, "").body, "package main", path)
	}
}

// TestUpload: one file that stays in memory, and one that does not.
func TestUpload(t *testing.T) {
	url, _ := start(t)
	for _, size := range []int{5, 2 * formMemory} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		require.NoError(t, form.WriteField("title", "Zeros"))
		file, err := form.CreateFormFile("file", "zeros.bin")
		require.NoError(t, err)
		_, err = file.Write(make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, form.Close())
		r := request(t, "POST", url+"/upload", body.String())
		r.Header.Set("Content-Type", form.FormDataContentType())
		answer := send(t, r).want(t, 201)
		require.JSONEq(t, fmt.Sprintf(`{"title":"Zeros","file":"zeros.bin","size":%d,"sha256":"%x"}`,
			size, sha256.Sum256(make([]byte, size))), answer)
	}
	ask(t, "POST", url+"/upload", "{}").want(t, 415)
}

// TestChanges: who listens is told of each change; the stream ends in good order when the server shuts down.
func TestChanges(t *testing.T) {
	ended := make(chan error, 1)
	t.Cleanup(func() { require.NoError(t, <-ended) }) // runs after start's
	url, _ := start(t)
	res, err := http.Get(url + "/api/changes")
	require.NoError(t, err)
	events := bufio.NewReader(res.Body)
	defer func() {
		go func() {
			_, err := io.Copy(io.Discard, events)
			ended <- err // nil only if the last chunk has come
		}()
	}()
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	ask(t, "POST", url+"/api/notes", `{"text":"buy milk"}`).want(t, 201)
	ask(t, "DELETE", url+"/api/notes/2", "").want(t, 204)
	for _, want := range []string{
		"event: created", `data: {"id":2,"text":"buy milk","author":"127.0.0.1"}`, "",
		"event: removed", `data: {"id":2,"text":"buy milk","author":"127.0.0.1"}`, "",
	} {
		line, err := events.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want+"\n", line)
	}
}

// start serves the program and returns its URL and its log. The test's end shuts it down, which must succeed.
func start(t *testing.T) (url string, log *lines) {
	t.Helper()
	log = new(lines)
	server, err := newServer(config{public: "public", token: "letmein", log: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, server.Shutdown(ctx), "a request is still running")
		require.ErrorIs(t, <-served, native.ErrServerClosed)
		require.Contains(t, log.String(), "msg=stopped")
	})
	return "http://" + l.Addr().String(), log
}

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

// want requires the status and returns the body.
func (a answer) want(t *testing.T, status int) string {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	return a.body
}

// ask sends a request with the token.
func ask(t *testing.T, method, url, body string) answer {
	t.Helper()
	r := request(t, method, url, body)
	r.Header.Set("Authorization", "Bearer letmein")
	return send(t, r)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(body)}
}
