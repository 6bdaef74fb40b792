package native

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// slowElements is elements as the RFC reads: strings are taken out first, then the rest is cut at its separators.
func slowElements(value string) (all []map[string]string, ok bool) {
	var plain strings.Builder // value, with each string replaced by a control and its number
	var texts []string
	for i := 0; i < len(value); i++ {
		if value[i] != '"' {
			plain.WriteByte(value[i])
			continue
		}
		var text strings.Builder
		for i++; ; i++ {
			if i >= len(value) {
				return nil, false
			}
			if value[i] == '"' {
				break
			}
			if value[i] == '\\' {
				if i++; i >= len(value) {
					return nil, false
				}
			}
			text.WriteByte(value[i])
		}
		plain.WriteString("\x00\x00")
		texts = append(texts, text.String())
	}
	isToken := func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(c rune) bool { return c > 0x7f || !tokenBytes[byte(c)] }) < 0
	}
	for part := range strings.SplitSeq(plain.String(), ",") {
		e := map[string]string{}
		empty := true
		for pair := range strings.SplitSeq(part, ";") {
			if pair = strings.Trim(pair, " \t"); pair == "" {
				continue
			}
			name, v, found := strings.Cut(pair, "=")
			if !found || !isToken(name) {
				return nil, false
			}
			if v == "\x00\x00" {
				v, texts = texts[0], texts[1:]
			} else if !isToken(v) {
				return nil, false
			}
			name = strings.ToLower(name)
			if _, twice := e[name]; twice && (name == "for" || name == "proto" || name == "host") {
				return nil, false
			}
			e[name] = v
			empty = false
		}
		if !empty {
			all = append(all, e)
		}
	}
	return all, true
}

func FuzzForwarded(f *testing.F) {
	for _, c := range originTests {
		for line := range strings.SplitSeq(c.lines, "|") {
			_, value, _ := strings.Cut(line, ": ")
			f.Add(value)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.IndexByte(value, 0) >= 0 {
			return // no field has one
		}
		kept := []byte(value)
		var last [ProxyHopsMax]element
		n, ok := elements(kept, &last)
		want, wantOK := slowElements(value)
		if ok != wantOK || ok && n != len(want) {
			t.Fatalf("%q: %d, %v, want %d, %v", value, n, ok, len(want), wantOK)
		}
		for i := max(0, n-len(last)); ok && i < n; i++ {
			e := last[i%len(last)]
			for name, got := range map[string][]byte{"for": e.node, "proto": e.proto, "host": e.host} {
				text, there := want[i][name]
				if string(got) != text || there != (got != nil) {
					t.Fatalf("%q: element %d: %s is %q, want %q", value, i, name, got, text)
				}
			}
		}
		// Nodes: whatever is taken is an address, and the text of one.
		for _, read := range []func([]byte) (netip.AddrPort, bool){node, bareNode} {
			if a, ok := read(kept); ok {
				again, ok := read([]byte(a.String()))
				if !ok || again != a || !a.IsValid() || a.Addr().Zone() != "" || a.Addr().Is4In6() {
					t.Fatalf("%q: %v, then %v", value, a, again)
				}
			}
		}
		// A walk ends, with an address that was in the field.
		c := client{known: true, addr: netip.MustParseAddrPort("127.0.0.1:1")}
		p := behind(XForwarded)
		w := walk{p: &p, client: &c}
		w.addresses(kept)
		if a := c.addr; a.IsValid() && a.Port() != 1 && a.Addr().Is4() && !strings.Contains(value, a.Addr().String()) {
			t.Fatalf("%q: %v", value, a)
		}
		w.forwarded(kept)
		if h := host(kept); h != nil && bytes.ContainsAny(h, "\"'<>/@\\ \t,;?#%") {
			t.Fatalf("%q is no host", h)
		}
		if string(kept) != value {
			t.Fatal("the field was changed")
		}
	})
}
