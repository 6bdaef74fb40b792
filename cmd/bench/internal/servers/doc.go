// Package servers has the servers that are measured: ours and their rivals, each offering one application at fixed endpoints,
// written as its users write it. It is also the command that serves one of them.
//
// All lists them, with what each has a use for. New makes one, which is served on any listener: here, in worker processes, or
// in a test.
//
// Invariant: to the same request every server that has an endpoint answers the same status and body, and sends as many bytes for
// /plaintext as the others.
package servers
