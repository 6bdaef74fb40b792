package nethttp

import (
	"net/url"

	"github.com/peregrine-http/peregrine/httpparse"
)

// plainPath has the bytes that mean themselves in a path and that package url would not have escaped: a path of
// nothing else is its own Path, and needs no RawPath.
var plainPath = func() (plain [256]bool) {
	for c := range plain {
		p := "/" + string([]byte{byte(c)})
		plain[c] = (&url.URL{Path: p}).EscapedPath() == p
	}
	return plain
}()

// parseTarget fills u with what url.ParseRequestURI makes of the request-target in head. A plain path, which is
// nearly every one, is filled in without parsing it a second time.
func parseTarget(u *url.URL, h *httpparse.Request, head string) error {
	if h.Form == httpparse.Origin {
		if path := h.Path.InString(head); isPlain(path) {
			u.Path = path
			u.RawQuery = h.Query.InString(head)
			u.ForceQuery = h.HasQuery && u.RawQuery == ""
			return nil
		}
	}
	target := h.Target.InString(head)
	if h.Form == httpparse.Authority {
		target = "http://" + target // CONNECT names a host and a port and no more
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return err
	}
	*u = *parsed
	if h.Form == httpparse.Authority {
		u.Scheme = ""
	}
	return nil
}

func isPlain(path string) bool {
	for i := range len(path) {
		if !plainPath[path[i]] {
			return false
		}
	}
	return true
}
