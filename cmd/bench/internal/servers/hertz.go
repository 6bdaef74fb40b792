package servers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	hertz "github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/protocol/sse"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
)

// hertzServer is the application as users of hertz write it: its own router and handlers, on netpoll where that runs, without
// the Server field that the others do not send. Its timeouts are the default ones: with none it closes connections on which
// requests are pipelined.
type hertzServer struct {
	files string
	tls   *tls.Config
	*hertz.Hertz
	started chan struct{}
}

func newHertz(files string, o Options) (Server, error) {
	if err := setNetpollLoops(o); err != nil {
		return nil, err
	}
	hlog.SetOutput(os.Stderr)
	hlog.SetLevel(hlog.LevelFatal) // each client that leaves in the middle is an error to it
	config, err := o.identity.config()
	return &hertzServer{files: files, tls: config, started: make(chan struct{})}, err
}

func (s *hertzServer) Serve(l net.Listener) error {
	options := []config.Option{
		hertz.WithListener(l),
		hertz.WithStreamBody(true),
		hertz.WithMaxRequestBodySize(bytesMax),
		hertz.WithExitWaitTime(drainTimeout),
		hertz.WithHandleMethodNotAllowed(true),
		hertz.WithRedirectTrailingSlash(false),
		hertz.WithDisablePrintRoute(true),
		hertz.WithDisableDefaultContentType(true),
		config.Option{F: func(o *config.Options) { o.NoDefaultServerHeader = true }},
	}
	if s.tls != nil {
		options = append(options, hertz.WithTLS(s.tls))
	}
	h := hertz.New(options...)
	h.NoMethod(func(_ context.Context, c *app.RequestContext) {
		hertzFail(c, http.StatusMethodNotAllowed, "Method Not Allowed\n")
	})
	// Unlike the others' routers, hertz's does not let HEAD follow GET.
	get := func(path string, f app.HandlerFunc) {
		h.GET(path, f)
		h.HEAD(path, f)
	}
	get("/plaintext", hertzPlaintext)
	get("/const", hertzPlaintext)
	get("/json", hertzJSON)
	get("/users/:id", hertzUser)
	h.POST("/echo", hertzEcho)
	get("/bytes/:n", hertzBytes)
	get("/sleep/:ms", hertzSleep)
	fs := app.FS{Root: s.files, PathRewrite: app.NewPathSlashesStripper(1), AcceptByteRange: true}
	get("/static/*file", fs.NewRequestHandler())
	h.GET("/events", hertzEvents)
	h.OnRun = append(h.OnRun, func(context.Context) error { close(s.started); return nil })
	s.Hertz = h
	return h.Run()
}

// Shutdown ends the server when it has begun to serve, which hertz refuses before.
func (s *hertzServer) Shutdown(ctx context.Context) error {
	select {
	case <-s.started:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.Hertz.Shutdown(ctx)
}

func hertzFail(c *app.RequestContext, status int, text string) {
	c.Data(status, "text/plain; charset=utf-8", []byte(text))
}

func hertzPlaintext(_ context.Context, c *app.RequestContext) {
	c.SetContentType("text/plain")
	c.SetBodyString(Plaintext)
}

func hertzJSON(_ context.Context, c *app.RequestContext) {
	b, err := marshalJSON(message{Plaintext})
	if err != nil {
		hertzFail(c, http.StatusInternalServerError, err.Error())
		return
	}
	c.Data(http.StatusOK, "application/json", b)
}

func hertzUser(_ context.Context, c *app.RequestContext) {
	c.SetContentType("text/plain; charset=utf-8")
	c.SetBodyString(c.Param("id"))
}

// hertzEcho has the response read the request's body while it is written. As with fasthttp, only the request may close its
// stream.
func hertzEcho(_ context.Context, c *app.RequestContext) {
	c.SetContentType("application/octet-stream")
	c.SetBodyStream(struct{ io.Reader }{c.RequestBodyStream()}, c.Request.Header.ContentLength())
}

func hertzBytes(_ context.Context, c *app.RequestContext) {
	n, err := strconv.Atoi(c.Param("n"))
	if err != nil || n < 0 || n > bytesMax {
		hertzFail(c, http.StatusBadRequest, fmt.Sprintf("want a number from 0 to %d\n", bytesMax))
		return
	}
	c.SetContentType("text/plain")
	if n <= len(pattern.Bytes) {
		c.Response.SetBodyRaw(pattern.Bytes[:n])
		return
	}
	c.SetBodyStream(pattern.NewReader(n), n)
}

func hertzSleep(_ context.Context, c *app.RequestContext) {
	ms, err := strconv.Atoi(c.Param("ms"))
	if err != nil || ms < 0 || ms > sleepMaxMS {
		hertzFail(c, http.StatusBadRequest, fmt.Sprintf("want milliseconds from 0 to %d\n", sleepMaxMS))
		return
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	c.SetContentType("text/plain")
	c.SetBodyString("awake")
}

func hertzEvents(_ context.Context, c *app.RequestContext) {
	w := sse.NewWriter(c)
	c.Response.Header.SetContentType("text/event-stream")
	c.Response.Header.Set("Cache-Control", "no-store")
	for i := 0; ; i++ {
		now := time.Now().UTC().AppendFormat(nil, time.RFC3339)
		if w.WriteEvent(strconv.Itoa(i), "", now) != nil {
			return // hertz tells in no other way that the client has left
		}
		time.Sleep(time.Second)
	}
}
