package main

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/prefork"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
	"github.com/peregrine-http/peregrine/adapters/nethttp/drain"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/processes"
)

const plaintext = "Hello, World!"

// order is how the servers are printed.
var order = []string{
	"native", "native, processes", "native, processes, shared", "adapter", "adapter, processes",
	"net/http", "net/http, processes", "fasthttp", "fasthttp, prefork", "fasthttp, prefork, reuseport",
}

// servers are what is measured. Without more, a server is one process with GOMAXPROCS as it is.
var servers = map[string]func(addr string) error{
	"native":                       single(newNative),
	"native, processes":            several(newNative, processes.PerWorker),
	"native, processes, shared":    several(newNative, processes.Shared),
	"adapter":                      single(newAdapter),
	"adapter, processes":           several(newAdapter, processes.PerWorker),
	"net/http":                     single(newStandard),
	"net/http, processes":          several(newStandard, processes.PerWorker),
	"fasthttp":                     func(addr string) error { return newFasthttp().ListenAndServe(addr) },
	"fasthttp, prefork":            forked(false),
	"fasthttp, prefork, reuseport": forked(true),
}

func single(make func() processes.Server) func(string) error {
	return func(addr string) error { return processes.Serve(options(addr), make()) }
}

// several has a process for each core, with one loop.
func several(make func() processes.Server, share processes.Share) func(string) error {
	return func(addr string) error {
		o := options(addr)
		o.Processes, o.Loops, o.Share = runtime.NumCPU(), 1, share
		return processes.Serve(o, make())
	}
}

// forked is fasthttp's own way to have a process for each core.
func forked(reuseport bool) func(string) error {
	return func(addr string) error {
		p := prefork.New(newFasthttp())
		p.Reuseport = reuseport
		p.OnMasterDeath = func() { os.Exit(0) } // or they stay
		return p.ListenAndServe(addr)
	}
}

func options(addr string) processes.Options {
	return processes.Options{Addrs: []string{addr}, Linger: -1, Logger: slog.New(slog.DiscardHandler)}
}

func newNative() processes.Server {
	rt := native.NewRouter()
	rt.Handle("GET /plaintext", func(w *native.Response, _ *native.Request) error { return w.Text(200, plaintext) })
	return &native.Server{Router: rt}
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, plaintext) })
	return mux
}

func newAdapter() processes.Server  { return &nethttp.Server{Handler: handler()} }
func newStandard() processes.Server { return drain.New(&http.Server{Handler: handler()}) }

func newFasthttp() *fasthttp.Server {
	return &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/plaintext" && ctx.IsGet() {
			ctx.WriteString(plaintext)
		} else {
			ctx.NotFound()
		}
	}}
}
