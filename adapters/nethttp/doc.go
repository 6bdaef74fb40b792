// Package nethttp serves an http.Handler from Peregrine's engine. Server has http.Server's fields and methods with the
// same meaning: in a program that serves HTTP with net/http, the type's name is all that changes.
//
//	srv := &nethttp.Server{Addr: ":8080", Handler: mux}
//	log.Fatal(srv.ListenAndServe())
//
// Requests and handlers are net/http's own types. For each request the adapter makes one object that holds the
// http.Request, its URL, its context, its body and the ResponseWriter, and one string, a copy of the head, of which all
// other strings of the request are parts. The response is put together in the connection's output buffer.
//
// Invariant: what a handler is given is the handler's for ever. Nothing of it is pooled or points into a buffer that is
// used again; what is reused (the engine's exchange, the draft of a response) is cut off when the handler returns.
//
// # As in net/http
//
//	Requests    fields and their spelling, URL, Host, trailers, 100 Continue at the first read of the body, 417,
//	            "OPTIONS *", CONNECT, absolute-form, http.MaxBytesReader ending the connection
//	Responses   order of fields, Content-Length up to 2048 bytes and chunks beyond, sniffing, HEAD, 204, 304, 1xx,
//	            trailers, Date, what closes the connection, log texts and errors
//	Interfaces  Flusher, Hijacker, CloseNotifier, io.ReaderFrom with sendfile, io.StringWriter, and all of
//	            http.ResponseController
//	Contexts    end when the client leaves (once the body has been read) and when the handler returns;
//	            http.ServerContextKey, http.LocalAddrContextKey, BaseContext, ConnContext
//	Server      timeouts and their fallbacks, limits, ConnState, ErrorLog, Shutdown, Close, RegisterOnShutdown,
//	            SetKeepAlivesEnabled, any net.Listener
//	HTTP/2      over TLS and by prior knowledge, by net/http itself, with HTTP2, Protocols and TLSNextProto; for handlers
//	            it is as it is there
//
// # Stricter than net/http, on purpose
//
// Each of these lets two readers of the same bytes disagree about where a request ends or who it is for. They are
// answered with 400 (501 for a coding), with the reason in words, and the connection ends.
//
//	Transfer-Encoding together with Content-Length              RFC 9112, section 6.3
//	Content-Length more than once, also with equal values       RFC 9112, section 6.3
//	Transfer-Encoding more than once, or with HTTP/1.0          RFC 9112, sections 6.1 and 6.3
//	lines that end in LF without CR, in heads and in chunks     RFC 9112, sections 2.2 and 7.1
//	field lines continued on the next line                      RFC 9112, section 5.2
//	white space before the colon, or before the first field     RFC 9112, sections 5.1 and 2.2
//	a fragment in the request-target                            RFC 9112, section 3.2
//	user information in the request-target                      RFC 9110, section 4.2.4
//	absolute-form without an authority, CONNECT without a port  RFC 9112, sections 3.2.2 and 3.2.3
//	chunk extensions that are no extensions, or are too long    RFC 9112, section 7.1.1
//	trailers that frame, route or authenticate                  RFC 9110, section 6.5.1
//
// These are no danger, but the RFCs are clear, or the answer is:
//
//	HTTP/1.2 and above is answered with 505
//	an expectation beside 100-continue is answered with 417     RFC 9110, section 10.1.1
//	of HTTP/1.0's Connection all lines count, and close wins    RFC 9112, section 9.3
//	an empty line before the first request is skipped           RFC 9112, section 2.2
//
// And in responses:
//
//	Content-Length and Transfer-Encoding in any other spelling are left out, and a length that is no number;
//	of two lengths the first is sent
//	a trailer by http.TrailerPrefix that must not be one is left out in any spelling
//	a body that ReadFrom copies does not exceed the declared Content-Length
//	method and version are the client's, whatever a handler makes of them in the http.Request: a body that is sent
//	because HEAD has become GET is read as the next response
//	NUL in a field value becomes a space, as CR and LF do       RFC 9110, section 5.5
//
// # Differences that are open
//
//	1  The *http.Server that http.ServerContextKey holds has the fields as they were when the first Serve began, and serves
//	   the HTTP/2 connections: its Shutdown and Close end no others.
//	2  net/http's Shutdown waits for connections that agree on HTTP/2 after it has begun; here they are closed.
//	3  Fields of Server, Handler included, are read when serving starts, not for each request.
//	4  A response is sent from 16 KiB on, or when the handler flushes or returns; net/http sends from 4 KiB on. Responses to
//	   requests that came in one piece leave together, by the write deadline of the last one.
//	5  net/rpc's DialHTTP, whose CONNECT request has bare LFs, is refused.
//	6  Over TLS on the server's own transports: NetConn of a *tls.Conn is no socket; a request's context does not end when
//	   the client says close_notify alone and leaves its side of the socket open; and of more than 4,096 handshakes at
//	   once the one that has waited longest is cut. With Serve and tls.NewListener it is as in net/http.
//	7  http.MaxBytesReader ends the connection if it reads the request's own body, not one that a program has wrapped around
//	   it, and if the last buffer was longer than what it allows by more than one byte. Otherwise its error is the same, and
//	   the rest of the body is read within the bounds of any other.
//	8  Shutdown with a context that has ended returns its error even if all connections are idle; they are closed. A request
//	   whose head has begun before Shutdown is answered; net/http closes. Of a handler that calls Close, what it writes then
//	   may still be sent.
//	9  A start-line that stops until the timeout is not answered with 400. An error of the connection is returned by the next
//	   Write, also by a short one. After Hijack, Flush does not panic, and the request's body cannot be read.
//	   A Write or Flush that another goroutine is still in when the handler returns fails, and the connection is cut.
//	10 A nil listener is an error, and no panic.
package nethttp
