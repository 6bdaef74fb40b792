package radix

// IsClean reports whether [CleanPath] would leave a path as it is: it begins with a slash, and has no segment that is
// ".", ".." or empty, but for the last, which can be empty.
func IsClean[S ~string | ~[]byte](path S) bool {
	if len(path) == 0 || path[0] != '/' {
		return false
	}
	for i := 1; i < len(path); i++ {
		if path[i-1] == '/' && path[i] <= '/' && isDots(path, i) {
			return false
		}
	}
	return true
}

// isDots reports whether the segment that begins at i is ".", "..", or ended at once by a slash.
func isDots[S ~string | ~[]byte](path S, i int) bool {
	end := i
	for end < len(path) && path[end] == '.' {
		end++
	}
	return (end == len(path) || path[end] == '/') && end-i <= 2
}

// CleanPath is the rule by which http.ServeMux cleans a path: it begins with a slash, "." and empty segments are left
// out, ".." takes the segment before it away, and a slash at the end stays. Percent-encoding is not looked at: "%2e" is
// no dot.
//
// It returns path itself, and false, if that is clean. Otherwise the result is appended to dst[:0]; dst must not overlap
// path. The result is valid as long as path and dst are left alone.
func CleanPath(dst, path []byte) (cleaned []byte, changed bool) {
	if IsClean(path) {
		return path, false
	}
	dst = append(dst[:0], '/') // always ends in a slash, inside the loop
	for i := 0; i < len(path); {
		end := i
		for end < len(path) && path[end] != '/' {
			end++
		}
		switch segment := path[i:end]; string(segment) {
		case "", ".":
		case "..":
			if len(dst) > 1 {
				dst = dst[:len(dst)-1]
				for dst[len(dst)-1] != '/' {
					dst = dst[:len(dst)-1]
				}
			}
		default:
			dst = append(dst, segment...)
			dst = append(dst, '/')
		}
		i = end + 1
	}
	if len(dst) > 1 && path[len(path)-1] != '/' {
		dst = dst[:len(dst)-1]
	}
	return dst, true
}
