// Package processes runs a server in worker processes that can be replaced without losing a request. It works with any
// server that has net/http's Serve, Shutdown and Close.
//
// The program is started once. It becomes the master, which opens the listening sockets, starts the same program again as
// often as Options.Processes says, and hands the sockets down by the LISTEN_FDS convention; Serve and Run know by their
// environment in which of them they are. Whatever a program does before it calls them happens in each process, the master
// included. A pipe in each direction connects a worker with its master: it says that it is ready, that it is alive, and
// what it has counted; the master says when to drain. The end of a pipe is the end of the process behind it: a
// worker without master drains and exits.
//
// Signals to the master:
//
//	SIGTERM, SIGINT  drain and end: no new connections, running requests are finished, kept connections end with
//	                 "Connection: close". A second one, not at the same moment, cuts
//	SIGHUP           replace all workers by new ones, one after the other, each ready before its predecessor drains
//	SIGUSR2          replace the program: what now stands at its path is started, takes the sockets over, and the old
//	                 one drains when all new workers are ready. If it does not get there, the old one goes on
//	SIGUSR1          Options.ReopenLogs in all processes
//	SIGQUIT          all processes write the stacks of their goroutines to standard error, and go on
//
// A worker that is sent SIGTERM or SIGINT by somebody else drains, too, and has a successor at once.
//
// LISTEN_FDS is understood too when the program is started, so it can be started by systemd's socket activation; the
// sockets it is given take the place of Options.Addrs. LISTEN_PID, which cannot be known before a process is there, is
// not given to workers; whose descriptors they are is said by a variable of our own.
//
// To systemd the service is one of Type=notify with NotifyAccess=all, since a program that takes over says itself that it is
// the main process now; it is told of readiness, replacement, end, and life, if WatchdogSec asks for that.
//
// Workers share nothing but sockets. What they have to tell each other they broadcast through the master (Worker.Join);
// package topics connects WebSocket topics that way. The master sums what they count, and tells it on a Unix socket
// (Options.Admin), for Prometheus with package metrics.
//
// With one process, the default, there is no master: Serve serves right here, and drains at SIGTERM and SIGINT.
//
// Invariant: a listening socket that a worker has accepted from is open in the master, or in the one that takes its place,
// until the service ends. No connection that the kernel has queued is lost because a process ends.
package processes
