package servers

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
)

// nbioServer is the application as users of nbio write it: http.Handlers behind a ServeMux that give each answer its length,
// which nbio would not find out for itself, and write no body to HEAD, which it would send.
//
// nbio calls a handler when the whole body has been read, so its echo cannot begin before the request has ended.
type nbioServer struct {
	engine *nbhttp.Engine
	listen chan net.Listener // the one of Serve, when nbio asks for it
	ended  chan struct{}
	end    sync.Once
}

func newNbio(files string, o Options) (Server, error) {
	loops, err := loopCount(o)
	if err != nil {
		return nil, err
	}
	logging.Output = os.Stderr
	logging.SetLevel(logging.LevelError)
	s := &nbioServer{listen: make(chan net.Listener, 1), ended: make(chan struct{})}
	addrs, secure := []string{"that of the listener"}, []string(nil)
	if o.identity != nil {
		addrs, secure = secure, addrs
	}
	config, err := o.identity.nbioConfig()
	if err != nil {
		return nil, err
	}
	s.engine = nbhttp.NewEngine(nbhttp.Config{
		Network:   "tcp",
		Addrs:     addrs,
		AddrsTLS:  secure,
		TLSConfig: config,
		Listen:    func(string, string) (net.Listener, error) { return <-s.listen, nil },
		NPoller:   loops,
		// A goroutine for each connection that may sleep in a handler: at the default, 256 of them hold up the others.
		MessageHandlerPoolSize: nbioHandlersMax,
		ReadLimit:              bytesMax,
		Handler:                nbioApplication(files),
	})
	return s, nil
}

const nbioHandlersMax = 20_000

func (s *nbioServer) Serve(l net.Listener) error {
	s.listen <- l
	if err := s.engine.Start(); err != nil {
		return err
	}
	<-s.ended
	return http.ErrServerClosed
}

func (s *nbioServer) Shutdown(ctx context.Context) error {
	defer s.end.Do(func() { close(s.ended) })
	return s.engine.Shutdown(ctx)
}

func nbioApplication(files string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", nbioPlaintext)
	mux.HandleFunc("GET /const", nbioPlaintext)
	mux.HandleFunc("GET /json", nbioJSON)
	mux.HandleFunc("GET /users/{id}", nbioUser)
	mux.HandleFunc("POST /echo", nbioEcho)
	mux.HandleFunc("GET /bytes/{n}", nbioBytes)
	mux.HandleFunc("GET /sleep/{ms}", nbioSleep)
	mux.Handle("GET /static/{file...}", http.StripPrefix("/static/", http.FileServer(http.Dir(files))))
	mux.HandleFunc("GET /events", nbioEvents)
	nbioSockets(mux)
	return mux
}

func nbioAnswer(w http.ResponseWriter, r *http.Request, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		io.WriteString(w, body)
	}
}

func nbioPlaintext(w http.ResponseWriter, r *http.Request) { nbioAnswer(w, r, "text/plain", Plaintext) }

func nbioUser(w http.ResponseWriter, r *http.Request) {
	nbioAnswer(w, r, "text/plain; charset=utf-8", r.PathValue("id"))
}

func nbioJSON(w http.ResponseWriter, r *http.Request) {
	b, err := marshalJSON(message{Plaintext})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	nbioAnswer(w, r, "application/json", string(b))
}

func nbioEcho(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Body == nil || r.ContentLength == 0 { // nbio has no http.NoBody
		w.Header().Set("Content-Length", "0")
		return
	}
	if r.ContentLength > 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	// Not io.Copy: nbio's ReadFrom would send a body of unknown length without chunks, and its Write may count more
	// bytes than it was given.
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func nbioBytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n > bytesMax {
		http.Error(w, fmt.Sprintf("want a number from 0 to %d", bytesMax), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	for n > 0 && r.Method != http.MethodHead {
		piece := pattern.Bytes[:min(n, len(pattern.Bytes))]
		if _, err := w.Write(piece); err != nil {
			return
		}
		n -= len(piece)
	}
}

func nbioSleep(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.PathValue("ms"))
	if err != nil || ms < 0 || ms > sleepMaxMS {
		http.Error(w, fmt.Sprintf("want milliseconds from 0 to %d", sleepMaxMS), http.StatusBadRequest)
		return
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	nbioAnswer(w, r, "text/plain", "awake")
}

func nbioEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; !nbioLeft(w); i++ {
		fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, time.Now().UTC().Format(time.RFC3339))
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done(): // the server ends
			return
		case <-tick.C:
		}
	}
}

// nbioLeft reports whether the client has left: neither the request's context nor an error of Flush tells.
func nbioLeft(w http.ResponseWriter) bool {
	res := w.(*nbhttp.Response)
	if res.Parser == nil || res.Parser.Conn == nil {
		return true
	}
	conn := res.Parser.Conn
	if c, ok := conn.(*nbhttp.Conn); ok {
		conn = c.Conn
	}
	c, ok := conn.(*nbio.Conn)
	if !ok {
		return false
	}
	closed, _ := c.IsClosed()
	return closed
}
