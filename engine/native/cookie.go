package native

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/peregrine-http/peregrine/httpparse"
)

// Cookie returns the value of the first cookie with that name, which is compared with its case; nil if there is none. Quotes
// around it are left out. The view is valid until the handler returns.
func (r *Request) Cookie(name string) []byte {
	for n, v := range r.Cookies() {
		if string(n) == name {
			return v
		}
	}
	return nil
}

// Cookies yields the names and values of all cookies, in the order in which they were sent. What is none (RFC 6265, section
// 4.2.1, spaces and commas in values being allowed) is left out, as net/http does it. The views are valid until the handler
// returns.
func (r *Request) Cookies() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for _, f := range r.added {
			if equalFold(f.name, "Cookie") && !eachCookie([]byte(f.value), yield) {
				return
			}
		}
		for i := range r.head.Fields {
			if f := &r.head.Fields[i]; f.ID == httpparse.FieldCookie && !eachCookie(f.Value.In(r.bytes), yield) {
				return
			}
		}
	}
}

func eachCookie(line []byte, yield func(name, value []byte) bool) bool {
	for len(line) > 0 {
		end := 0
		for end < len(line) && line[end] != ';' {
			end++
		}
		pair := trimSpace(line[:end])
		line = line[min(end+1, len(line)):]

		equals := 0
		for equals < len(pair) && pair[equals] != '=' {
			equals++
		}
		name, value := trimSpace(pair[:equals]), pair[min(equals+1, len(pair)):]
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		if isToken(name) && badCookieByte(value) < 0 && !yield(name, value) {
			return false
		}
	}
	return true
}

func trimSpace(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isToken[S string | []byte](s S) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// badCookieByte returns the offset of the first byte that a cookie's value cannot have, or -1.
func badCookieByte[S string | []byte](s S) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == ';' || c == '\\' {
			return i
		}
	}
	return -1
}

// SameSite says with which requests from other sites a browser sends a cookie.
type SameSite uint8

// The values of SameSite. Without one, browsers take most cookies for lax.
const (
	SameSiteUnset  SameSite = iota
	SameSiteLax             // with navigation to this site only
	SameSiteStrict          // never
	SameSiteNone            // with all; the cookie must be Secure
)

// Cookie is a cookie to be set.
type Cookie struct {
	Name  string // a token
	Value string // visible ASCII characters but quotes, backslashes and semicolons; with spaces or commas it is quoted
	Path  string // default: the directory of the request's path
	// Domain includes subdomains. Default: the request's host, without them.
	Domain string
	// Expires is when the cookie ends, in whole seconds. Zero: with the browser's session.
	Expires time.Time
	// MaxAge is when the cookie ends, in seconds from now; it goes before Expires. 0 means unset, negative now: the cookie
	// is deleted.
	MaxAge   int
	Secure   bool // over TLS only
	HttpOnly bool // not for scripts
	SameSite SameSite
	// Partitioned gives the cookie to this site only below the one that embeds it.
	Partitioned bool
}

// SetCookie adds a Set-Cookie field. It fails, and sets nothing, for a cookie that a browser would drop or understand
// otherwise: a name, a value, a path or a domain with bytes that it cannot have, a date before the year 1601 (RFC 6265,
// section 5.1.1) or after 9999; SameSite=None or Partitioned without Secure; a name with the prefix __Secure- or __Host- on a cookie that is
// not as the prefix says. It does nothing once the response has begun.
func (w *Response) SetCookie(c *Cookie) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("native: cookie %q: %w", c.Name, err)
	}
	w.Add("Set-Cookie", c.String())
	return nil
}

func (c *Cookie) check() error {
	switch {
	case !isToken(c.Name):
		return errors.New("the name is not a token")
	case badCookieByte(c.Value) >= 0:
		return fmt.Errorf("the value has byte %q", c.Value[badCookieByte(c.Value)])
	case c.Domain != "" && !isCookieDomain(c.Domain):
		return fmt.Errorf("%q is not a domain", c.Domain)
	case !c.Expires.IsZero() && (c.Expires.UTC().Year() < 1601 || c.Expires.UTC().Year() > 9999):
		return fmt.Errorf("it expires in the year %d", c.Expires.UTC().Year())
	case c.SameSite > SameSiteNone:
		return fmt.Errorf("there is no SameSite %d", c.SameSite)
	case c.SameSite == SameSiteNone && !c.Secure:
		return errors.New("the attribute SameSite=None needs Secure")
	case c.Partitioned && !c.Secure:
		return errors.New("the attribute Partitioned needs Secure")
	case hasPrefixFold(c.Name, "__Secure-") && !c.Secure:
		return errors.New("the prefix __Secure- needs Secure")
	case hasPrefixFold(c.Name, "__Host-") && (!c.Secure || c.Path != "/" || c.Domain != ""):
		return errors.New("the prefix __Host- needs Secure, the path / and no domain")
	}
	for i := range len(c.Path) {
		if b := c.Path[i]; b < ' ' || b >= 0x7f || b == ';' {
			return fmt.Errorf("the path has byte %q", b)
		}
	}
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}

// isCookieDomain reports whether s is a domain's name with a letter in it, or an IPv4 address. A dot before it means
// nothing (RFC 6265, section 5.2.3).
func isCookieDomain(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Is4()
	}
	if len(s) > 255 {
		return false
	}
	letter := false
	labels := strings.Split(strings.TrimPrefix(s, "."), ".")
	if n := len(labels); n > 1 && labels[n-1] == "" {
		labels = labels[:n-1] // the root
	}
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch c := lower(label[i]); {
			case 'a' <= c && c <= 'z':
				letter = true
			case '0' <= c && c <= '9' || c == '-':
			default:
				return false
			}
		}
	}
	return letter
}

// cookieTime is the format of dates in HTTP (RFC 9110, section 5.6.7).
const cookieTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// String returns the value of the Set-Cookie field. It checks nothing.
func (c *Cookie) String() string {
	b := make([]byte, 0, len(c.Name)+len(c.Value)+len(c.Path)+len(c.Domain)+128)
	b = append(append(b, c.Name...), '=')
	if strings.ContainsAny(c.Value, " ,") {
		b = append(append(append(b, '"'), c.Value...), '"')
	} else {
		b = append(b, c.Value...)
	}
	if c.Path != "" {
		b = append(append(b, "; Path="...), c.Path...)
	}
	if c.Domain != "" {
		b = append(append(b, "; Domain="...), strings.TrimPrefix(c.Domain, ".")...)
	}
	if !c.Expires.IsZero() {
		b = c.Expires.UTC().AppendFormat(append(b, "; Expires="...), cookieTime)
	}
	if c.MaxAge != 0 {
		b = strconv.AppendInt(append(b, "; Max-Age="...), int64(max(0, c.MaxAge)), 10)
	}
	if c.HttpOnly {
		b = append(b, "; HttpOnly"...)
	}
	if c.Secure {
		b = append(b, "; Secure"...)
	}
	switch c.SameSite {
	case SameSiteLax:
		b = append(b, "; SameSite=Lax"...)
	case SameSiteStrict:
		b = append(b, "; SameSite=Strict"...)
	case SameSiteNone:
		b = append(b, "; SameSite=None"...)
	}
	if c.Partitioned {
		b = append(b, "; Partitioned"...)
	}
	return string(b)
}
