package processes

import (
	"context"
	"net"
	"os"
	"runtime"
	"sync"
)

// Server is what a worker runs. The servers of this module are ones, and so is http.Server.
//
// One that has a method EndKeepAlives() is told by it that a drain begins: from then on each response should be the last of
// its connection, and no connection be closed otherwise. http.Server has none, and its Shutdown drops requests of
// connections that have just been opened: package adapters/nethttp/drain gives it one, and a Shutdown that does not. Any
// other server should send "Connection: close" by itself once Worker.Draining is closed, or its Shutdown will close
// connections that a request is on its way to.
type Server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// Serve serves srv, in as many processes as o says. It blocks, and returns when all has ended: in the master when the
// service has, in a worker when that worker has; nil after a drain. It ends by signals only: see the package's
// description. Call it, or Run, once in a program, after everything that would only fail again in each process.
func Serve(o Options, srv Server) error {
	if s, ok := srv.(interface{ Counters() Counters }); ok && o.Counters == nil {
		o.Counters = s.Counters
	}
	return Run(o, func(w *Worker) error { return w.Serve(srv) })
}

// Run is Serve for programs that have more to do: it calls worker in each worker process, or here, and returns what it
// returns; the master returns when all has ended. The function calls Ready when it serves, and returns when it has
// drained after Draining is closed, or when Context is done.
func Run(o Options, worker func(w *Worker) error) error {
	in, err := takeInheritance()
	if err != nil {
		return err
	}
	o, err = o.settle()
	if err != nil {
		(&mouth{to: in.up}).say(message{Failed: err.Error()})
		return err
	}
	switch {
	case in.identity != nil && in.identity.Worker:
		return runWorker(o, in, worker)
	case in.identity != nil || o.mastered():
		return runMaster(o, in)
	}
	return runHere(o, in, worker)
}

// runHere is a service of one process.
func runHere(o Options, in inheritance, f func(*Worker) error) error {
	w := newWorker(o)
	defer w.cut()
	defer w.watchSignals()() // before there is anything that a signal could leave behind
	all, _, err := openSockets(o, in)
	if err != nil {
		return err
	}
	w.closeSockets = sync.OnceFunc(func() { all.close(removed) })
	defer w.close()
	if o.Loops > 0 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(o.Loops)
	}
	w.loops = runtime.GOMAXPROCS(0)
	files, names := all.of(0, 1)
	if err := w.listen(files, names); err != nil {
		return err
	}
	if o.Listening != nil {
		addrs, err := all.addrs()
		if err != nil {
			return err
		}
		o.Listening(addrs)
	}
	return f(w)
}
