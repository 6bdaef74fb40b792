// Package http2 has a native server speak HTTP/2 (RFC 9113), beside HTTP/1 and with the same routes.
//
//	srv := &native.Server{Addr: ":443", Router: routes}
//	http2.Enable(srv, http2.Options{})
//	log.Fatal(srv.ListenAndServeTLS("cert.pem", "key.pem"))
//
// HTTP/2 itself is net/http's: a connection that agrees on it in TLS's handshake leaves the engine and goes to an
// http.Server that listens nowhere. Each of its streams is made a connection in memory with one HTTP/1.1 request, which an
// engine with the same handler answers; what it sends is read as an HTTP/1.1 response and sent on the stream. So a native
// handler cannot tell the two apart, and has its limits, timeouts, errors and constant routes in both. A stream costs
// more than a request of HTTP/1: two goroutines while it lasts, and a third one for a body that is read.
//
// Bodies stream both ways, at the pace of whoever reads them: the client is asked for a body (100 Continue, or room in the
// stream's window) when the handler reads it. A stream that is reset ends the request's context as a connection that is cut.
// There is no switching of protocols inside a stream: WebSocket handlers answer as to any request without Upgrade, and
// extended CONNECT (RFC 8441) is answered with 501.
//
// Invariant: a response that has its end on the stream had it from the handler. All else becomes a stream that is reset.
package http2
