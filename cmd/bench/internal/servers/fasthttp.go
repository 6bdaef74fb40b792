package servers

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/bytedance/sonic"
	"github.com/valyala/fasthttp"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
)

// fasthttpServer is the application as users of fasthttp write it: a switch on the path, the strings of fields ready made,
// no Server field.
type fasthttpServer struct {
	*fasthttp.Server
	stop chan struct{} // ends the cleaning of its file cache
}

func newFasthttp(files string, o Options) (Server, error) {
	s := fasthttpServer{stop: make(chan struct{})}
	fs := fasthttp.FS{
		Root: files, PathRewrite: fasthttp.NewPathSlashesStripper(1), AcceptByteRange: true, CleanStop: s.stop,
		PathNotFound: fasthttpNotFound,
	}
	config, err := o.identity.config()
	if err != nil {
		return nil, err
	}
	s.Server = &fasthttp.Server{
		TLSConfig:             config,
		Handler:               fasthttpRouter{static: fs.NewRequestHandler()}.route,
		StreamRequestBody:     true,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
	}
	return s, nil
}

func (s fasthttpServer) Serve(l net.Listener) error { return s.Server.Serve(l) }

func (s fasthttpServer) Shutdown(ctx context.Context) error {
	defer close(s.stop)
	return s.ShutdownWithContext(ctx)
}

// marshalJSON is what users who choose such a server choose for JSON.
var marshalJSON = sonic.ConfigDefault.Marshal

type fasthttpRouter struct{ static fasthttp.RequestHandler }

func (r fasthttpRouter) route(ctx *fasthttp.RequestCtx) {
	path := ctx.Path()
	if string(path) == "/echo" {
		if !ctx.IsPost() {
			fasthttpNotAllowed(ctx, "POST")
			return
		}
		fasthttpEcho(ctx)
		return
	}
	if !ctx.IsGet() && !ctx.IsHead() {
		fasthttpNotAllowed(ctx, "GET, HEAD")
		return
	}
	switch string(path) {
	case "/plaintext", "/const":
		fasthttpPlaintext(ctx)
	case "/json":
		fasthttpJSON(ctx)
	case "/events":
		fasthttpEvents(ctx)
	default:
		if id, ok := segment(path, "/users/"); ok {
			fasthttpUser(ctx, id)
		} else if n, ok := segment(path, "/bytes/"); ok {
			fasthttpBytes(ctx, n)
		} else if ms, ok := segment(path, "/sleep/"); ok {
			fasthttpSleep(ctx, ms)
		} else if len(path) >= len("/static/") && string(path[:len("/static/")]) == "/static/" {
			r.static(ctx)
		} else {
			fasthttpNotFound(ctx)
		}
	}
}

// segment is what follows prefix in path if that is one segment. It ends with path.
func segment(path []byte, prefix string) ([]byte, bool) {
	if len(path) <= len(prefix) || string(path[:len(prefix)]) != prefix || bytes.IndexByte(path[len(prefix):], '/') >= 0 {
		return nil, false
	}
	return path[len(prefix):], true
}

func fasthttpNotAllowed(ctx *fasthttp.RequestCtx, allow string) {
	ctx.Error("Method Not Allowed\n", fasthttp.StatusMethodNotAllowed)
	ctx.Response.Header.Set("Allow", allow)
}

func fasthttpNotFound(ctx *fasthttp.RequestCtx) {
	ctx.Error("404 page not found\n", fasthttp.StatusNotFound)
}

func fasthttpPlaintext(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain")
	ctx.SetBodyString(Plaintext)
}

func fasthttpJSON(ctx *fasthttp.RequestCtx) {
	b, err := marshalJSON(message{Plaintext})
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(b)
}

func fasthttpUser(ctx *fasthttp.RequestCtx, id []byte) {
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBody(id)
}

// fasthttpEcho has the response read the request's body while it is written. The request closes its stream, which goes back to a
// pool: if the response did so too, the next two connections would share one.
func fasthttpEcho(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("application/octet-stream")
	ctx.SetBodyStream(struct{ io.Reader }{ctx.RequestBodyStream()}, ctx.Request.Header.ContentLength())
}

func fasthttpBytes(ctx *fasthttp.RequestCtx, param []byte) {
	n, err := strconv.Atoi(string(param))
	if err != nil || n < 0 || n > bytesMax {
		ctx.Error(fmt.Sprintf("want a number from 0 to %d\n", bytesMax), fasthttp.StatusBadRequest)
		return
	}
	ctx.SetContentType("text/plain")
	if n <= len(pattern.Bytes) {
		ctx.Response.SetBodyRaw(pattern.Bytes[:n])
		return
	}
	ctx.SetBodyStream(pattern.NewReader(n), n)
}

func fasthttpSleep(ctx *fasthttp.RequestCtx, param []byte) {
	ms, err := strconv.Atoi(string(param))
	if err != nil || ms < 0 || ms > sleepMaxMS {
		ctx.Error(fmt.Sprintf("want milliseconds from 0 to %d\n", sleepMaxMS), fasthttp.StatusBadRequest)
		return
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	ctx.SetContentType("text/plain")
	ctx.SetBodyString("awake")
}

func fasthttpEvents(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		for i := 0; ; i++ {
			fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, time.Now().UTC().Format(time.RFC3339))
			if w.Flush() != nil {
				return // fasthttp tells in no other way that the client has left
			}
			time.Sleep(time.Second)
		}
	})
}
