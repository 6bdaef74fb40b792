// Package native serves requests by handlers that read views and write into the connection's output: the engine's own
// API, for those who want the last of the speed.
//
//	rt := native.NewRouter()
//	rt.Handle("GET /hello/{name}", func(w *native.Response, r *native.Request) error {
//		return w.Text(200, "Hello, "+string(r.Param("name"))+"!")
//	})
//	srv := &native.Server{Addr: ":8080", Router: rt}
//	log.Fatal(srv.ListenAndServe())
//
// A Router maps the patterns of net/http 1.22 to handlers, in groups with middleware, and works all chains out once,
// when serving starts. For each request the engine's exchange is put behind a Request and a Response that belong to the
// goroutine and not to the request, so that an answer allocates nothing:
//
//	route     the path's pattern, its parameters, the chain of its group; 404, 405, OPTIONS and redirects here
//	handler   reads views of the head, reads the body if it wants it, sets fields, writes
//	error     what the handler returned is answered by Router.OnError, unless the response has begun
//	finish    a body that is whole gets its Content-Length; head and body go into the connection's output at once
//
// Handlers run on the event loop until they are seen to take long (see engine/transport/epoll); Own and Inline say
// of a route which of the two is right.
//
// Invariant: whatever a handler is given as a []byte is valid until the handler returns, and no longer; Request.Clone
// and bytes.Clone keep. Builds with the tag poison overwrite it then.
//
// # Where it listens, and who asks
//
// Server.Addr and Addrs are addresses in the syntax of package listen, Unix sockets among them; Serve takes any listener,
// also one of package listen/proxy, whose connections say by the PROXY protocol whose they are. Behind proxies that
// speak HTTP, Server.Proxies says which of them are believed, and Request.ClientAddr, ClientScheme and ClientHost what
// they say; RemoteAddr remains the peer's.
//
// # Bounds
//
// They are the fields of Server, with safe defaults, and Body for a route. Above them the answer is 413 (a body), 414 (the
// request-target), 431 (the head); 408 for a head that does not end in time and for a body that comes too slowly.
package native
