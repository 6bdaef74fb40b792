// Package compress is middleware that compresses the bodies of dynamic answers, with gzip and zstd as the client likes it.
//
//	rt := native.NewRouter()
//	rt.Use(compress.New(compress.Options{}))
//
// The middleware gives each response a native.Filter, which decides when the head is made: by then type, status and, of a
// small answer, the size are known. What is worth it goes through a pooled encoder on its way into the output; Flush brings
// everything written before it to the client. Constant routes have codings of their own, made once, and are left alone, as
// is everything with a Content-Encoding, a part of something (206), what says no-transform, and what has a checksum of its
// bytes in a field. What several requests share of a coded response changes with it: a strong ETag becomes weak, with which
// If-None-Match works and If-Match and If-Range, rightly, do not; Accept-Ranges goes.
//
// Which coding, RFC 9110, section 12.5.3, says, of those that the body could have: one that is too small, or of another type,
// has none, and is sent as it is even to a client that refuses that (identity;q=0). There is no 406.
//
// Invariant: a response whose coding depends on Accept-Encoding says so in Vary, whether or not it was coded.
//
// Do not compress answers that hold a secret next to something a stranger can choose: their length tells about the
// secret (BREACH).
package compress
