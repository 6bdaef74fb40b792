// Package files is a handler of the native API that serves the files of a directory or of an fs.FS.
//
//	h, err := files.Dir("/srv/www", files.Options{})
//	…
//	rt.Handle("GET /static/{path...}", h)
//
// A request's name is looked up among entries: what is known of a file, its precompressed siblings (.zst, .br, .gz),
// its type, its ETag, and, if it is small and asked for, its bytes as a ready answer. An entry that was compared with
// the file less than a second ago is believed; an older one is compared by the request that finds it so, while others go on
// with it. Reading entries takes no lock. What ready bytes cannot say (ranges, If-Match, files that are not small) is
// worked out in the order of RFC 9110, section 13.2.2, and large files go to the socket by sendfile(2) where there is
// one.
//
// Invariant: no name leaves the root. Names are checked before anything is opened (name.go), and Dir opens by os.Root, which
// follows symbolic links inside the root and refuses those that lead out of it.
//
// # Differences from net/http's FileServer
//
//   - There is an ETag, of modification time and size, so conditions work without Last-Modified; it is weak while the
//     file is younger than its time can tell.
//   - Types are known by extension only; nothing is sniffed.
//   - A directory without index file is 404 unless Options.List is set. Names that begin with a dot are 404 unless
//     Options.Dotfiles is set; so are, on all systems, names with backslashes, and names that are not UTF-8.
//   - A Range in a unit other than bytes is ignored (RFC 9110, section 14.2), one with a position too large for 64 bits
//     means the end, and a suffix of no bytes cannot be satisfied. More than 32 ranges get the whole file.
//   - Where a precompressed sibling is selected, ranges are ranges of it (RFC 9110, section 14.2).
package files
