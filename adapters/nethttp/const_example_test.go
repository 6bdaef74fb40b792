package nethttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

// The handler runs for the first request; after Invalidate it runs again.
func ExampleConst() {
	edition := 1
	news := nethttp.Const(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Edition %d", edition)
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /news", news)

	read := func() {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", "/news", nil))
		body, _ := io.ReadAll(w.Result().Body)
		fmt.Println(string(body))
	}
	read()
	edition = 2
	read()
	news.Invalidate()
	read()
	// Output:
	// Edition 1
	// Edition 1
	// Edition 2
}
