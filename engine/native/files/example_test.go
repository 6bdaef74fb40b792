package files_test

import (
	"embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/native/files"
)

//go:embed doc.go
var assets embed.FS

// A directory that is compiled into the program. One on the disk is served by Dir, which gives an error if it is not
// there.
func ExampleFS() {
	rt := native.NewRouter()
	rt.Handle("GET /static/{path...}", files.FS(assets, files.Options{
		CacheControl: "public, max-age=3600",
	}))

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := &native.Server{Router: rt}
	go srv.Serve(l)
	defer srv.Close()

	res, err := http.Get("http://" + l.Addr().String() + "/static/doc.go")
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	line, _, _ := strings.Cut(string(text), "\n")
	fmt.Println(res.StatusCode, res.Header.Get("Cache-Control"))
	fmt.Println(line)
	// Output:
	// 200 public, max-age=3600
	// // Package files is a handler of the native API that serves the files of a directory or of an fs.FS.
}
