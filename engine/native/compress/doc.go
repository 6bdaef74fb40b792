// Package compress is middleware that compresses the bodies of dynamic answers, with gzip and zstd as the client likes it.
//
//	rt := native.NewRouter()
//	rt.Use(compress.New(compress.Options{}))
//
// The middleware gives each response a native.Filter, which decides when the head is made: by then type, status and, of a
// small answer, the size are known. What is worth it goes through a pooled encoder on its way into the output; Flush brings
// everything written before it to the client. Constant routes and files have codings of their own, made once, and are
// left alone, as is everything that has a Content-Encoding.
//
// Invariant: a response whose coding depends on Accept-Encoding says so in Vary, whether or not it was coded.
//
// Do not compress answers that hold a secret next to something a stranger can choose: their length tells about the
// secret (BREACH).
package compress
