// Package drain has net/http's own Server end without losing a request, so that engine/processes can replace the process
// that it serves in.
//
// Shutdown of an http.Server loses requests in two ways. It drops what a connection sends after Shutdown has begun, though
// it leaves connections that have not sent anything open for five seconds: who has just connected and now asks gets no
// answer. And it closes kept connections without a word before, while a request may be on its way. A Server of this package
// says "Connection: close" in its responses from EndKeepAlives on, closes nothing meanwhile, and at Shutdown closes
// first what is silent, then waits for what is running, and then has http.Server shut down.
//
// A connection that a handler has taken over (http.Hijacker) belongs to that handler, and is not waited for; what has to tell it
// that the end has come is registered with http.Server.RegisterOnShutdown, and called when no request runs any more. A
// program that wants to wait for it does so after Worker.Serve.
//
// What remains is HTTP's own: a client that was silent from EndKeepAlives to Shutdown (processes.Options.Linger) and sends
// a request, or the rest of a head, at the very moment of Shutdown finds its connection closed. RFC 9112, Section 9.3.1, has
// it ask again on a new one. A response whose head was sent before EndKeepAlives cannot announce the end.
//
// Invariant: between EndKeepAlives and Shutdown no connection is closed but after a response that says so.
package drain
