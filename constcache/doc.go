// Package constcache makes answers that are computed once and sent as ready bytes.
//
// Make takes status, fields and body, and writes out the heads of all variants there can be: the body as it is and in
// each content coding that is worth it, for HTTP/1.1 and HTTP/1.0, for connections that stay and that end, and the
// 304 (Not Modified) of each. Append then selects one by what a request asks for, copies it, and writes the date over
// its date. A Cell holds the current answer of a route; reading it takes no lock.
//
// The package does no I/O and reads no clock; time is an argument.
//
// Invariant: an Answer never changes, and all bytes that it hands out stay valid.
//
// # What a request must not have
//
// Append answers GET and HEAD. It looks at the fields that Ask names and at no others, so requests that could
// see the difference are for the caller to answer in another way. They are those with
//
//	If-Match, If-Unmodified-Since     the answer may be 412 (RFC 9110, sections 13.1.1 and 13.1.4)
//	Range, If-Range                   the answer may be 206 or 416 (RFC 9110, section 14.2); it may also be the whole
//	Expect                            100 or 417 comes first (RFC 9110, section 10.1.1)
//	content                           it has to be read, or the connection to end
//	Upgrade                           if the caller would ever follow it (RFC 9110, section 7.8)
//
// and any method but GET and HEAD.
package constcache
