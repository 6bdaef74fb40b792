// Package websocket serves WebSocket connections (RFC 6455, RFC 7692) on the engine's loops.
//
// An Endpoint holds what the connections of a route have in common: callbacks, limits, policies. A request becomes one of
// its connections through native's Response.WebSocket, or package upgrade for net/http's handlers, after whatever the
// route's middleware and handler have wanted to see of the request. From then on the connection is a state machine: input
// that a loop has read is unmasked where it lies and given to OnMessage, under the baton, as the handlers of requests run;
// what callbacks send meanwhile leaves in one write when the input is used up.
//
// Any goroutine may send. Who finds the way free writes to the socket itself; what the socket does not take waits in the
// connection's queue, which is bounded in bytes and messages, and Options.Slow says what happens at the bound. Topics bring
// one message to many: it is framed once, each loop is told once, and queues refer to the same bytes.
//
// Invariant: an idle connection owns no buffer, no goroutine and no timer.
package websocket
