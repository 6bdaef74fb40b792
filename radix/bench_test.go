package radix_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/julienschmidt/httprouter"
	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/radix"
)

// request is a request for a route of a set: its wildcards have become their names, as is the custom.
type request struct{ pattern, method, path string }

// routes reads a set of routes.
func routes(t testing.TB, set string) (routes []request) {
	file, err := os.ReadFile("testdata/" + set + ".txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			method, path, _ := strings.Cut(line, " ")
			routes = append(routes, request{line, method, strings.NewReplacer("{", "", "...}", "", "}", "").Replace(path)})
		}
	}
	return routes
}

// sink is a ResponseWriter for handlers that do nothing.
type sink struct{}

func (sink) Header() http.Header         { return http.Header{} }
func (sink) Write(b []byte) (int, error) { return len(b), nil }
func (sink) WriteHeader(code int) {
	if code != http.StatusOK {
		panic(http.StatusText(code))
	}
}

// router finds a request's route and returns whether it did. What can be asked to look up without serving is.
type router struct {
	name string
	make func(routes []request) func(*request) (look func() bool)
}

var (
	wildcard = regexp.MustCompile(`\{(\w+)\}`)
	rest     = regexp.MustCompile(`\{(\w+)\.\.\.\}`)
)

// colons rewrites a pattern's path to that of httprouter and gin.
func colons(path string) string {
	return rest.ReplaceAllString(wildcard.ReplaceAllString(path, ":$1"), "*$1")
}

// served measures a router by its ServeHTTP.
func served(h http.Handler) func(*request) func() bool {
	return func(q *request) func() bool {
		r, err := http.NewRequest(q.method, q.path, nil)
		if err != nil {
			panic(err)
		}
		r.RequestURI = q.path
		return func() bool { h.ServeHTTP(sink{}, r); return true }
	}
}

var routers = []router{
	{"radix", func(routes []request) func(*request) func() bool {
		var tree radix.Tree[*request]
		var m radix.Match
		for i := range routes {
			if err := tree.Add(routes[i].pattern, &routes[i]); err != nil {
				panic(err)
			}
		}
		host := []byte("localhost")
		return func(q *request) func() bool {
			method, path := []byte(q.method), []byte(q.path)
			return func() bool {
				_, outcome := tree.Lookup(&m, method, host, path)
				return outcome == radix.Found
			}
		}
	}},
	{"ServeMux", func(routes []request) func(*request) func() bool {
		var mux http.ServeMux
		for _, r := range routes {
			mux.HandleFunc(r.pattern, func(http.ResponseWriter, *http.Request) {})
		}
		return served(&mux)
	}},
	{"httprouter", func(routes []request) func(*request) func() bool {
		mux := httprouter.New()
		for _, r := range routes {
			mux.Handle(r.method, colons(strings.Fields(r.pattern)[1]), func(http.ResponseWriter, *http.Request, httprouter.Params) {})
		}
		return func(q *request) func() bool {
			return func() bool {
				h, _, _ := mux.Lookup(q.method, q.path)
				return h != nil
			}
		}
	}},
	{"gin", func(routes []request) func(*request) func() bool {
		gin.SetMode(gin.ReleaseMode)
		mux := gin.New()
		for _, r := range routes {
			mux.Handle(r.method, colons(strings.Fields(r.pattern)[1]), func(*gin.Context) {})
		}
		return served(mux)
	}},
	{"chi", func(routes []request) func(*request) func() bool {
		mux := chi.NewRouter()
		for _, r := range routes {
			mux.MethodFunc(r.method, rest.ReplaceAllString(strings.Fields(r.pattern)[1], "*"), func(http.ResponseWriter, *http.Request) {})
		}
		c := chi.NewRouteContext()
		return func(q *request) func() bool {
			return func() bool {
				c.Reset()
				return mux.Match(c, q.method, q.path)
			}
		}
	}},
}

// benchmark measures every router on requests out of a set.
func benchmark(b *testing.B, set string, take func(*request) bool) {
	for _, router := range routers {
		b.Run(router.name, func(b *testing.B) {
			all := routes(b, set)
			mux := router.make(all)
			var looks []func() bool
			for i := range all {
				if take(&all[i]) {
					looks = append(looks, mux(&all[i]))
				}
			}
			require.NotEmpty(b, looks)
			b.ReportAllocs()
			for b.Loop() {
				for _, look := range looks {
					if !look() {
						b.Fatal("not found")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(looks)), "ns/lookup")
		})
	}
}

// is takes one route.
func is(pattern string) func(*request) bool {
	return func(r *request) bool { return r.pattern == pattern }
}

func everything(*request) bool { return true }

func BenchmarkGithubStatic(b *testing.B) { benchmark(b, "github", is("GET /user/repos")) }
func BenchmarkGithubOne(b *testing.B)    { benchmark(b, "github", is("GET /teams/{id}/repos")) }
func BenchmarkGithubTwo(b *testing.B) {
	benchmark(b, "github", is("GET /repos/{owner}/{repo}/stargazers"))
}
func BenchmarkGithubAll(b *testing.B) { benchmark(b, "github", everything) }

func BenchmarkParseStatic(b *testing.B) { benchmark(b, "parse", is("GET /1/users")) }
func BenchmarkParseOne(b *testing.B)    { benchmark(b, "parse", is("GET /1/classes/{className}")) }
func BenchmarkParseAll(b *testing.B)    { benchmark(b, "parse", everything) }
