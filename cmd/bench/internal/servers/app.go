package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
)

// Bounds of the application's parameters.
const (
	bytesMax   = 64 << 20
	sleepMaxMS = 60_000
)

// Plaintext is the body of /plaintext and /const.
const Plaintext = "Hello, World!"

// application is what every server serves: one plain http.Handler that knows nothing of them. Its names are fixed, other
// programs rely on them. files is the directory behind /static/.
func application(files string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", answerPlaintext)
	mux.HandleFunc("GET /const", answerPlaintext)
	mux.HandleFunc("GET /json", answerJSON)
	mux.HandleFunc("GET /users/{id}", answerUser)
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("GET /bytes/{n}", answerBytes)
	mux.HandleFunc("GET /sleep/{ms}", sleep)
	mux.Handle("GET /static/{file...}", http.StripPrefix("/static/", http.FileServer(http.Dir(files))))
	mux.HandleFunc("GET /events", events)
	return mux
}

func answerPlaintext(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, Plaintext)
}

type message struct {
	Message string `json:"message"`
}

func answerJSON(w http.ResponseWriter, _ *http.Request) {
	b, err := json.Marshal(message{Plaintext})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}

func answerUser(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, r.PathValue("id"))
}

// echo sends the body back while it arrives. Without full duplex HTTP/1 servers would swallow the unread rest when
// the response begins.
func echo(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	if _, err := io.Copy(w, r.Body); err != nil {
		panic(http.ErrAbortHandler) // the response has begun: cutting it is the only way to say so
	}
}

func answerBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n > bytesMax {
		http.Error(w, fmt.Sprintf("want a number from 0 to %d", bytesMax), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for n > 0 {
		m, err := w.Write(pattern.Bytes[:min(n, len(pattern.Bytes))])
		if err != nil {
			return
		}
		n -= m
	}
}

// sleep blocks as a slow database does.
func sleep(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.PathValue("ms"))
	if err != nil || ms < 0 || ms > sleepMaxMS {
		http.Error(w, fmt.Sprintf("want milliseconds from 0 to %d", sleepMaxMS), http.StatusBadRequest)
		return
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "awake")
}

// events sends a server-sent event at once and one every second until the client leaves.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, time.Now().UTC().Format(time.RFC3339)); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// StaticFiles are the files behind /static/ and their sizes in bytes.
var StaticFiles = map[string]int{"small.txt": 1 << 10, "medium.txt": 64 << 10, "large.txt": 1 << 20}

// MakeFiles writes StaticFiles to a new directory, which the caller removes. They are real files, because a server may send
// those by sendfile(2).
func MakeFiles() (dir string, err error) {
	if dir, err = process.TempDir(); err != nil {
		return "", err
	}
	for name, size := range StaticFiles {
		if err = os.WriteFile(filepath.Join(dir, name), []byte(pattern.Of(size)), 0o644); err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}
