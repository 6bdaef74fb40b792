package nethttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// What is refused at registration is refused with a panic, whose message names what is needed to put it right.
func TestMuxPanics(t *testing.T) {
	m := nethttp.NewServeMux()
	require.Nil(t, refused(m, "/posts/{id}"))
	require.Nil(t, refused(m, "/%2E"))

	reason := refused(m, "/{kind}/latest")
	require.Implements(t, (*error)(nil), reason)
	require.Regexp(t, `pattern "/{kind}/latest" \(registered at .*mux_oracle_test\.go:\d+\) `+
		`conflicts with pattern "/posts/{id}" \(registered at .*mux_oracle_test\.go:\d+\): .*/posts/latest`, reason)

	require.ErrorContains(t, refused(m, "GET /{x").(error), "/{x")
	require.ErrorContains(t, refused(m, "").(error), "empty")
	for _, register := range []func(){
		func() { m.Handle("/nil", nil) },
		func() { m.Handle("/nil", http.HandlerFunc(nil)) },
		func() { m.HandleFunc("/nil", nil) },
	} {
		require.PanicsWithError(t, "nethttp: nil handler", register)
	}
	require.Nil(t, refused(m, "/nil"), "nothing is left behind")
}

// Handlers may be registered while requests are served. A request sees all that were registered before it.
func TestMuxRegisterWhileServing(t *testing.T) {
	var m nethttp.ServeMux
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/7/x", nil))
				}
			}
		})
	}
	for i := range 200 {
		path := fmt.Sprint("/", i)
		m.HandleFunc(path+"/{x}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Pattern, r.PathValue("x")) })
		rec := httptest.NewRecorder()
		m.ServeHTTP(rec, httptest.NewRequest("GET", path+"/y", nil))
		require.Equal(t, path+"/{x}y", rec.Body.String())
	}
	close(stop)
	wg.Wait()
}

// A mux inside another keeps the values that the outer one has set, of either kind.
func TestMuxNested(t *testing.T) {
	for _, outer := range muxes() {
		inner := nethttp.NewServeMux()
		inner.HandleFunc("/{kind}/by/{name}", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Pattern, " ", r.PathValue("tenant"), r.PathValue("kind"), r.PathValue("name"))
		})
		outer.Handle("/t/{tenant}/{rest...}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.StripPrefix("/t/"+r.PathValue("tenant"), inner).ServeHTTP(w, r)
		}))
		rec := httptest.NewRecorder()
		outer.ServeHTTP(rec, httptest.NewRequest("GET", "/t/1/2/by/3", nil))
		require.Equal(t, "/{kind}/by/{name} 123", rec.Body.String())
	}
}

func ExampleNewServeMux() {
	mux := nethttp.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s, by %s!", r.PathValue("name"), r.Pattern)
	})
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", "/hello/falcon", nil))
	fmt.Println(rec.Body)

	rec = httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("POST", "/hello/falcon", nil))
	fmt.Println(rec.Code, rec.Header().Get("Allow"))
	// Output:
	// Hello, falcon, by GET /hello/{name}!
	// 405 GET, HEAD
}

type noResponse struct{}

func (noResponse) Header() http.Header         { panic("not found") }
func (noResponse) Write(b []byte) (int, error) { panic("not found") }
func (noResponse) WriteHeader(int)             { panic("not found") }

// BenchmarkMux compares the muxes, requests being new ones each time, since a request keeps its path values.
func BenchmarkMux(b *testing.B) {
	for _, path := range []string{"/user/repos", "/teams/1234/repos", "/repos/peregrine-http/peregrine/stargazers"} {
		for i, m := range muxes() {
			for _, pattern := range []string{
				"GET /user/repos", "GET /user/{field}", "GET /users/{user}", "GET /teams/{id}/repos", "GET /teams/{id}/members",
				"GET /repos/{owner}/{repo}/stargazers", "GET /repos/{owner}/{repo}/issues/{n}", "/static/",
			} {
				m.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
			}
			b.Run([]string{"http", "nethttp"}[i]+path, func(b *testing.B) {
				template := *httptest.NewRequest("GET", path, nil)
				b.ReportAllocs()
				for b.Loop() {
					r := template
					m.ServeHTTP(noResponse{}, &r)
				}
			})
		}
	}
}
