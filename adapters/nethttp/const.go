package nethttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"log"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peregrine-http/peregrine/constcache"
)

// Bounds of a Constant.
const (
	// constPathsMax bounds the paths that a Constant keeps answers for. Above it the handler answers by itself.
	constPathsMax = 256
	// constBodyMax bounds the body of an answer, in bytes. A longer one is answered with 500.
	constBodyMax = 64 << 20
)

// Constant answers with what its handler has answered before. It is made by [Const]. Its methods may be called by any
// goroutine; its fields are set before the first request.
type Constant struct {
	// TTL is how long an answer is good for. The first request after that has the handler run again and waits for it;
	// others get the old answer meanwhile. Zero or less means until Invalidate.
	TTL time.Duration

	// Encoders make the content codings that clients can choose from; each is run once for an answer. Const sets it to
	// gzip of the standard library at its best compression. Of codings that a client likes equally it gets the shortest.
	Encoders []constcache.Encoder

	handler http.Handler
	mu      sync.Mutex // guards replacing paths
	paths   atomic.Pointer[map[string]*constantPath]
}

// Const returns a handler that runs h once for each path, and answers all further requests for that path with ready bytes:
// GET and HEAD, with an ETag, 304 to those who have the answer, in the content coding that the client
// prefers. Other methods are answered with 405.
//
//	mux.Handle("GET /terms", nethttp.Const(terms))
//
// h sees a GET request for the path, with the values of the pattern's wildcards, but without a query, without the client's
// fields, address or context, and with "localhost" as its host: nothing that one client sends, save the path, can get into
// what others receive. While it runs for the first time, whoever wants the same waits. What it answers is kept if the
// status is below 500. If it panics, the request that it ran for ends as panics do, those that wait get 500, and the next
// request tries again. So it is with an answer that cannot be everybody's or cannot be kept: one that sets a cookie, has a
// field value with control characters or a malformed ETag, or is longer than 64 MiB; the reason is logged, and all get 500.
//
// On a [Server], a request without a body whose ResponseWriter nobody has wrapped or set fields on is answered straight into
// the connection's output. All others get the same answer through their ResponseWriter, after the fields that
// have been set before, of which those with the answer's names are replaced. Ranges, and conditions that
// can fail with 412, are answered by [http.ServeContent] out of the kept body.
//
// Up to 256 paths are kept, none with an encoded slash; requests for others are h's own, as they are. So behind a pattern
// that more paths match, clients can use the room up.
func Const(h http.Handler) *Constant {
	return &Constant{handler: h, Encoders: []constcache.Encoder{{Name: "gzip", Encode: encodeGzip}}}
}

func encodeGzip(body []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = z.Write(body); err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}

// Invalidate drops all answers: requests that come after it has returned have the handler run again.
func (c *Constant) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paths.Store(nil) // whoever still makes an answer makes it for those who asked before
}

// ServeHTTP implements http.Handler.
func (c *Constant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" && r.Method != "HEAD" {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var p *constantPath
	if !hasEncodedSlash(r.URL.RawPath) { // which is no slash, but would be one in the kept path
		p = c.path(r.URL.Path)
	}
	if p == nil {
		c.handler.ServeHTTP(w, r)
		return
	}
	a, err := p.answer(c, r)
	switch {
	case a != nil:
		sendConstant(w, r, a)
	case err != nil:
		http.Error(w, "500 internal server error", http.StatusInternalServerError)
	}
}

func hasEncodedSlash(rawPath string) bool {
	return rawPath != "" && (strings.Contains(rawPath, "%2F") || strings.Contains(rawPath, "%2f"))
}

// path returns what is kept for a path, or nil if too much is.
func (c *Constant) path(name string) *constantPath {
	if paths := c.paths.Load(); paths != nil {
		if p := (*paths)[name]; p != nil {
			return p
		}
	}
	return c.addPath(name)
}

func (c *Constant) addPath(name string) *constantPath {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[string]*constantPath{}
	if paths := c.paths.Load(); paths != nil {
		if p := (*paths)[name]; p != nil {
			return p
		}
		if len(*paths) >= constPathsMax {
			return nil
		}
		next = maps.Clone(*paths)
	}
	name = strings.Clone(name) // not the head that it is a part of
	p := &constantPath{name: name}
	next[name] = p
	c.paths.Store(&next)
	return p
}

// constantPath is what a Constant keeps for one path.
type constantPath struct {
	name string
	kept atomic.Pointer[keptAnswer]

	mu  sync.Mutex
	run *constantRun // under way, or nil
}

type keptAnswer struct {
	*constcache.Answer
	until time.Time // zero if it does not age
}

// constantRun is one run of the handler. What comes of it can be read when done is closed.
type constantRun struct {
	done   chan struct{}
	answer *constcache.Answer
	err    error
}

// errNoOutcome is what those learn who waited for a handler that panicked.
var errNoOutcome = errors.New("nethttp: Const: the handler has not returned")

// answer returns the answer for r, and runs the handler if it must. Without an answer and without an error, r's client
// has gone.
func (p *constantPath) answer(c *Constant, r *http.Request) (*constcache.Answer, error) {
	k := p.kept.Load()
	if k.isFresh() {
		return k.Answer, nil
	}
	p.mu.Lock()
	run, k := p.run, p.kept.Load()
	switch {
	case k.isFresh():
		p.mu.Unlock()
		return k.Answer, nil
	case run == nil:
		run = &constantRun{done: make(chan struct{}), err: errNoOutcome}
		p.run = run
		p.mu.Unlock()
		p.refresh(c, run, r)
	case k != nil:
		p.mu.Unlock()
		return k.Answer, nil
	default:
		p.mu.Unlock()
		select {
		case <-run.done:
		case <-r.Context().Done():
			return nil, nil
		}
	}
	return run.answer, run.err
}

func (k *keptAnswer) isFresh() bool {
	return k != nil && (k.until.IsZero() || time.Now().Before(k.until))
}

// refresh runs the handler. The run ends however the handler does.
func (p *constantPath) refresh(c *Constant, run *constantRun, r *http.Request) {
	defer func() {
		p.mu.Lock()
		p.run = nil
		if run.answer != nil && run.answer.Status() < 500 {
			k := &keptAnswer{Answer: run.answer}
			if c.TTL > 0 {
				k.until = time.Now().Add(c.TTL)
			}
			p.kept.Store(k)
		}
		p.mu.Unlock()
		close(run.done)
	}()
	run.answer, run.err = c.record(p.name, r)
	if run.err != nil {
		logConstant(r, "http: Const: %s: %v", p.name, run.err)
	}
}

// record runs the handler and makes ready bytes of its response.
func (c *Constant) record(path string, r *http.Request) (*constcache.Answer, error) {
	w := &constantRecorder{header: http.Header{}}
	c.handler.ServeHTTP(w, newConstantRequest(path, r))
	src, err := w.source()
	if err != nil {
		return nil, err
	}
	if src.Status >= 500 {
		return constcache.Make(src) // for this once
	}
	return constcache.Make(src, c.Encoders...)
}

// logConstant logs where the server does that r came to, ours or net/http's.
func logConstant(r *http.Request, format string, args ...any) {
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && srv.ErrorLog != nil {
		srv.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// constantContext is the context of a run: nothing of the request's but the server.
func constantContext(r *http.Request) context.Context {
	return context.WithValue(context.Background(), http.ServerContextKey, r.Context().Value(http.ServerContextKey))
}
