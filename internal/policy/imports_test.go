package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imports says what packages may import. A package is judged by the first paragraph that names it ("x/..." names x and
// all below); one that no paragraph names is a breach. Files of all platforms count, tests do not, except for ends.
//
//	ours     packages of this module it may import, all others are forbidden
//	modules  other modules it may import packages of, all others are forbidden
//	never    packages of the standard library it must not import, nor anything below them
//	only     what it may use of a package that it must never import otherwise
//
// "*" allows all.
const imports = `
# The leaves: bytes in, values out. Whoever imports one of them gets it alone.
httpparse radix
	never    net os syscall unsafe runtime plugin time sync log context fmt io/fs testing
constcache
	never    net os syscall unsafe runtime plugin time sync log context io/fs testing
	only     time.Duration time.Time time.Parse time.ANSIC (dates, no clock) sync/atomic.Pointer (no locks)
# Deflate is a library's work, and what it needs is kept in pools.
wsproto
	modules  github.com/klauspost/compress
	never    net os syscall unsafe runtime plugin time log context fmt io/fs testing

# The only code that calls the kernel.
internal/netio
	modules  golang.org/x/sys
	never    net/http testing

# Two suites that are tests in all but file name.
engine/transport/conformance
	ours     engine engine/transport engine/transport/epoll engine/transport/portable internal/netio
	modules  github.com/stretchr/testify
	never    net/http syscall unsafe
internal/policy
	never    unsafe

# The seam, and what moves bytes on the other side of it.
engine/transport
	never    net/http syscall unsafe testing
engine/transport/epoll engine/transport/portable engine/transport/overtls
	ours     engine/transport internal/netio
	never    net/http syscall unsafe testing
	only     syscall.Conn syscall.RawConn (interfaces of package net's sockets, under which a descriptor cannot be closed)
# Loops of other libraries. Who does not import these packages links none of those.
engine/transport/internal/guest
	ours     engine/transport engine/transport/portable internal/netio
	never    net/http syscall unsafe testing
engine/transport/gnet
	ours     engine engine/transport engine/transport/internal/guest
	modules  github.com/panjf2000/gnet/v2
	never    net/http syscall unsafe testing
engine/transport/netpoll
	ours     engine engine/transport engine/transport/internal/guest internal/netio
	modules  github.com/cloudwego/netpoll
	never    net/http syscall unsafe testing
	only     syscall.Conn (to copy a connection's descriptor)

# The server.
engine
	ours     httpparse radix wsproto constcache internal/netio engine/transport engine/transport/epoll engine/transport/portable engine/transport/overtls
	never    net/http syscall unsafe testing
	only     syscall.ECONNRESET (what package net says of a reset)

# Listening sockets, for any server.
engine/listen
	ours     engine/transport internal/netio
	never    net/http syscall unsafe testing
	only     syscall.Conn syscall.RawConn (to set options) syscall.EADDRINUSE syscall.EADDRNOTAVAIL syscall.ECONNREFUSED syscall.EACCES syscall.ENOENT (what an address says)

# What a load balancer says of its connections, read by a library.
engine/listen/proxy
	ours     engine/listen engine/transport
	modules  github.com/pires/go-proxyproto
	never    net/http syscall unsafe testing

# Worker processes, for any server: nothing of ours but what opens sockets and hands them down.
engine/processes
	ours     internal/netio engine/listen
	never    net/http syscall unsafe testing
	only     syscall.Conn syscall.RawConn (to copy a listener's descriptor) syscall.SysProcAttr (a process group) syscall.SIGTERM syscall.SIGINT syscall.SIGHUP syscall.SIGQUIT syscall.SIGKILL syscall.SIGUSR1 syscall.SIGUSR2 syscall.EMFILE (what a start says)

# The status for Prometheus, by its client library: a package of its own because of what that brings along.
engine/processes/metrics
	ours     engine/processes
	modules  github.com/prometheus
	never    net/http syscall unsafe testing
# WebSocket topics across processes.
engine/processes/topics
	ours     wsproto engine/processes engine/websocket
	never    net/http syscall unsafe testing

# WebSockets, for both kinds of handlers.
engine/websocket
	ours     wsproto engine engine/transport
	never    net/http syscall unsafe testing

# The native API. JSON and content codings are libraries' work.
engine/native
	ours     httpparse radix constcache engine engine/listen engine/transport engine/websocket
	modules  github.com/klauspost/compress github.com/bytedance/sonic
	never    net/http syscall unsafe testing
engine/native/files engine/native/compress
	ours     constcache engine/native
	modules  github.com/klauspost/compress
	never    net/http syscall unsafe testing

# The only library packages that know net/http.
adapters/nethttp
	ours     engine engine/transport httpparse radix constcache adapters/internal/handed
	modules  golang.org/x/net
	never    syscall unsafe testing
# HTTP/2 is net/http's, for native handlers too.
adapters/internal/handed
	never    syscall unsafe testing
adapters/http2
	ours     engine engine/native adapters/internal/handed
	modules  golang.org/x/net
	never    syscall unsafe testing
# net/http's own server, for worker processes.
adapters/nethttp/drain
	ours     engine/processes
	never    syscall unsafe testing
# A package of its own, so that programs without WebSockets link none.
adapters/nethttp/upgrade
	ours     engine engine/websocket wsproto
	never    syscall unsafe testing

# For tests alone.
internal/chromium
	modules  github.com/stretchr/testify

# What the commands of bench stand on, and those of its parts that do not know whom they measure.
cmd/bench/internal/command cmd/bench/internal/figures cmd/bench/internal/pattern
	never    net
cmd/bench/internal/process
	modules  golang.org/x/sys
cmd/bench/internal/load
	ours     cmd/bench/internal/command cmd/bench/internal/figures cmd/bench/internal/pattern cmd/bench/internal/process wsproto internal/netio
	modules  golang.org/x/net golang.org/x/sys github.com/HdrHistogram/hdrhistogram-go
cmd/bench/internal/results
	ours     cmd/bench/internal/figures cmd/bench/internal/load cmd/bench/internal/process
cmd/bench/internal/report
	ours     cmd/bench/internal/command cmd/bench/internal/figures cmd/bench/internal/load cmd/bench/internal/results
	modules  gonum.org/v1/plot

# The ends: they import what they like.
cmd/... fuzz/... perf/... examples/...
	ours     *
	modules  *
`

// ends are imported by nobody but themselves, not even by tests.
const ends = "cmd fuzz perf examples"

// rule is one paragraph.
type rule struct {
	packages                   []string
	ours, modules, never, only []string
}

func parseRules(text string) (rules []rule) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case line[0] != '\t':
			rules = append(rules, rule{packages: words})
		default:
			r := &rules[len(rules)-1]
			switch words[0] {
			case "ours":
				r.ours = words[1:]
			case "modules":
				r.modules = words[1:]
			case "never":
				r.never = words[1:]
			case "only":
				r.only = words[1:]
			default:
				panic("no such line in a rule: " + line)
			}
		}
	}
	return rules
}

// limits reports whether the rule says what may be used of a package.
func (r rule) limits(imported string) bool {
	return slices.ContainsFunc(r.only, func(use string) bool { return strings.HasPrefix(use, imported+".") })
}

// names reports whether one of the patterns names the package.
func names(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if top, below := strings.CutSuffix(p, "/..."); below {
			return under(top, path)
		}
		return p == "*" || p == path
	})
}

// under reports whether path is top or below it.
func under(top, path string) bool { return path == top || strings.HasPrefix(path, top+"/") }

func anyUnder(tops []string, path string) bool {
	return slices.ContainsFunc(tops, func(top string) bool { return top == "*" || under(top, path) })
}

// importBreaches judges a graph, and returns one line for each import that should not be.
func importBreaches(rules []rule, graph []pkg) (breaches []string) {
	for _, p := range graph {
		importer := p.name()
		i := slices.IndexFunc(rules, func(r rule) bool { return names(r.packages, importer) })
		if i < 0 {
			breaches = append(breaches, importer+": named by no rule")
			continue
		}
		r := rules[i]
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module+"/")
			domain, _, _ := strings.Cut(imported, "/")
			var allowed bool
			switch {
			case ours:
				allowed = names(r.ours, name)
			case strings.Contains(domain, "."):
				allowed = anyUnder(r.modules, imported)
			default:
				allowed = !anyUnder(r.never, imported) || r.limits(imported)
			}
			if !allowed {
				breaches = append(breaches, fmt.Sprintf("%s imports %s", importer, name))
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			name, _ := strings.CutPrefix(imported, module+"/")
			end, _, _ := strings.Cut(name, "/")
			if name != imported && names(strings.Fields(ends), end) && !under(end, importer) {
				breaches = append(breaches, fmt.Sprintf("a test of %s imports %s", importer, name))
			}
		}
	}
	return breaches
}

// useBreaches judges files by the lines "only": one line for each use that they do not have.
func useBreaches(rules []rule, files []source) (breaches []string) {
	for _, f := range files {
		i := slices.IndexFunc(rules, func(r rule) bool { return names(r.packages, path.Dir(f.path)) })
		if i < 0 || rules[i].only == nil || strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, 0)
		if err != nil {
			return append(breaches, err.Error())
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := selector.X.(*ast.Ident); ok && rules[i].limits(id.Name) {
					if use := id.Name + "." + selector.Sel.Name; !slices.Contains(rules[i].only, use) {
						breaches = append(breaches, f.path+" uses "+use)
					}
				}
			}
			return true
		})
		for _, s := range file.Imports {
			if name, _ := strconv.Unquote(s.Path.Value); s.Name != nil && rules[i].limits(name) {
				breaches = append(breaches, f.path+" renames "+name)
			}
		}
	}
	return breaches
}

func TestUses(t *testing.T) { require.Empty(t, useBreaches(parseRules(imports), sources(t))) }

// TestUsesFails: the second, third and fifth of these files break a rule.
func TestUsesFails(t *testing.T) {
	const head = "package epoll\n\nimport \"syscall\"\n\n"
	rules := parseRules(imports)
	for _, c := range []struct {
		file source
		want []string
	}{
		{source{"engine/transport/epoll/x.go", head + "var c syscall.RawConn\n"}, nil},
		{source{"engine/transport/epoll/x.go", head + "func f() { syscall.Close(1) }\n"}, []string{"engine/transport/epoll/x.go uses syscall.Close"}},
		{source{"engine/transport/epoll/x.go", "package epoll\n\nimport . \"syscall\"\n"}, []string{"engine/transport/epoll/x.go renames syscall"}},
		{source{"engine/transport/epoll/x_test.go", head + "func f() { syscall.Close(1) }\n"}, nil},
		{source{"constcache/x.go", "package constcache\n\nimport \"time\"\n\nvar t = time.Now()\n"}, []string{"constcache/x.go uses time.Now"}},
		{source{"internal/netio/x.go", head + "func f() { syscall.Close(1) }\n"}, nil},
	} {
		require.Equal(t, c.want, useBreaches(rules, []source{c.file}), c.file.text)
	}
}

func TestImports(t *testing.T) {
	rules := parseRules(imports)
	for _, platform := range []string{"linux", "darwin", "windows"} {
		require.Empty(t, importBreaches(rules, list(t, platform)), "on "+platform)
	}
}

// TestImportsFails: each of these packages breaks one rule.
func TestImportsFails(t *testing.T) {
	ours := func(s string) string { return module + "/" + s }
	rules := parseRules(imports)
	for _, c := range []struct {
		path    string
		imports []string
		test    bool
		want    []string
	}{
		{path: "httpparse", imports: []string{"errors", "encoding/binary", "math/bits"}},
		{path: "httpparse", imports: []string{"net/netip"}, want: []string{"httpparse imports net/netip"}},
		{path: "httpparse", imports: []string{"sync/atomic"}, want: []string{"httpparse imports sync/atomic"}},
		{path: "wsproto", imports: []string{ours("httpparse")}, want: []string{"wsproto imports httpparse"}},
		{path: "radix", imports: []string{"golang.org/x/sys/cpu"}, want: []string{"radix imports golang.org/x/sys/cpu"}},
		{path: "constcache", imports: []string{"fmt", "time", "sync/atomic"}},
		{path: "constcache", imports: []string{"sync"}, want: []string{"constcache imports sync"}},
		{path: "internal/netio", imports: []string{"syscall", "unsafe", "golang.org/x/sys/unix"}},
		{path: "internal/netio", imports: []string{"golang.org/x/system"}, want: []string{"internal/netio imports golang.org/x/system"}},
		{path: "engine", imports: []string{"net", ours("httpparse"), ours("engine/transport/epoll")}},
		{path: "engine", imports: []string{"net/http/httptrace"}, want: []string{"engine imports net/http/httptrace"}},
		{path: "engine", imports: []string{ours("adapters/nethttp")}, want: []string{"engine imports adapters/nethttp"}},
		{path: "engine", imports: []string{"github.com/stretchr/testify/require"}, want: []string{"engine imports github.com/stretchr/testify/require"}},
		{path: "engine/transport/epoll", imports: []string{"syscall", ours("internal/netio")}},
		{path: "engine/transport/epoll", imports: []string{"unsafe"}, want: []string{"engine/transport/epoll imports unsafe"}},
		{path: "engine/transport/epoll", imports: []string{ours("engine")}, want: []string{"engine/transport/epoll imports engine"}},
		{path: "engine/transport/other", want: []string{"engine/transport/other: named by no rule"}},
		{path: "adapters/nethttp", imports: []string{"net/http", ours("engine")}},
		{path: "adapters/nethttp", imports: []string{ours("internal/netio")}, want: []string{"adapters/nethttp imports internal/netio"}},
		{path: "adapters/nethttp", imports: []string{ours("examples/internal/twin")}, want: []string{"adapters/nethttp imports examples/internal/twin"}},
		{path: "adapters/nethttp", imports: []string{ours("fuzz")}, test: true, want: []string{"a test of adapters/nethttp imports fuzz"}},
		{path: "examples/chi", imports: []string{ours("examples/internal/twin"), "github.com/go-chi/chi/v5"}},
		{path: "examples/chi", imports: []string{ours("examples/internal/twin")}, test: true},
	} {
		p := pkg{ImportPath: ours(c.path), Imports: c.imports}
		if c.test {
			p.Imports, p.XTestImports = nil, c.imports
		}
		require.Equal(t, c.want, importBreaches(rules, []pkg{p}), "%s %v", c.path, c.imports)
	}
}
