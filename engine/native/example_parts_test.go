package native_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/peregrine-http/peregrine/engine/native"
)

// start serves a router for an example.
func start(rt *native.Router) (url string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv := &native.Server{Router: rt}
	go srv.Serve(l)
	return "http://" + l.Addr().String(), func() { srv.Close() }
}

// show prints an answer.
func show(resp *http.Response, err error) {
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, strings.TrimSpace(string(body)))
}

func ExampleRequest_JSON() {
	type order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	rt := native.NewRouter()
	rt.Handle("POST /orders", func(w *native.Response, r *native.Request) error {
		var o order
		if err := r.JSON(&o); err != nil {
			return err // knows its answer
		}
		o.Count++
		return w.JSON(201, &o)
	})
	url, stop := start(rt)
	defer stop()
	show(http.Post(url+"/orders", "application/json", strings.NewReader(`{"item":"tea","count":1}`)))
	show(http.Post(url+"/orders", "application/json", strings.NewReader(`{"item":tea}`)))
	// Output:
	// 201 {"item":"tea","count":2}
	// 400 JSON: invalid character 'e' in literal true (expecting 'r') at byte 9 (line 1, column 10)
}

func ExampleResponse_SetCookie() {
	rt := native.NewRouter()
	rt.Handle("GET /", func(w *native.Response, r *native.Request) error {
		if theme := r.Cookie("theme"); theme != nil {
			return w.Text(200, string(theme))
		}
		if err := w.SetCookie(&native.Cookie{Name: "theme", Value: "dark", Path: "/", HttpOnly: true}); err != nil {
			return err
		}
		return w.Empty(204)
	})
	url, stop := start(rt)
	defer stop()
	resp, err := http.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.Header.Get("Set-Cookie"))
	// Output: theme=dark; Path=/; HttpOnly
}

func ExampleRequest_ParseForm() {
	rt := native.NewRouter()
	rt.Handle("POST /", func(w *native.Response, r *native.Request) error {
		if err := r.ParseForm(); err != nil {
			return err
		}
		return w.Text(200, "Hello, "+string(r.Form("name"))+"!")
	})
	url, stop := start(rt)
	defer stop()
	show(http.Post(url, "application/x-www-form-urlencoded", strings.NewReader("name=Ada+Lovelace")))
	show(http.Post(url, "text/plain", strings.NewReader("name=Ada")))
	// Output:
	// 200 Hello, Ada Lovelace!
	// 415 want a body of type application/x-www-form-urlencoded
}

// upload is a multipart body as a browser sends it.
const upload = "--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nNotes\r\n" +
	"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\n\r\nfirst line\r\n--x--\r\n"

func ExampleRequest_Multipart() {
	rt := native.NewRouter()
	rt.Handle("POST /", func(w *native.Response, r *native.Request) error {
		for part, err := range r.Multipart() {
			if err != nil {
				return err
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s %q: %d bytes\n", part.Name, part.FileName, n)
		}
		return nil
	})
	url, stop := start(rt)
	defer stop()
	show(http.Post(url, "multipart/form-data; boundary=x", strings.NewReader(upload)))
	// Output:
	// 200 title "": 5 bytes
	// file "notes.txt": 10 bytes
}

func ExampleRequest_MultipartForm() {
	rt := native.NewRouter()
	rt.Handle("POST /", func(w *native.Response, r *native.Request) error {
		form, err := r.MultipartForm(64 << 10) // what is more goes to the disk
		if err != nil {
			return err
		}
		file := form.File("file")
		if file == nil {
			return native.Errorf(400, "want a file")
		}
		fmt.Fprintf(w, "%s: ", form.Value("title"))
		_, err = io.Copy(w, file.Open())
		return err
	}, native.Body(32<<20), native.Own())
	url, stop := start(rt)
	defer stop()
	show(http.Post(url, "multipart/form-data; boundary=x", strings.NewReader(upload)))
	// Output: 200 Notes: first line
}

func ExampleResponse_Events() {
	rt := native.NewRouter()
	rt.Handle("GET /ticks", func(w *native.Response, r *native.Request) error {
		events, err := w.Events(native.EventsOptions{})
		if err != nil {
			return err
		}
		defer events.Close()
		ticks := make(chan string, 2)
		ticks <- "tick"
		ticks <- "tock"
		for n := range 2 {
			select {
			case <-events.Done(): // the client has left
				return nil
			case tick := <-ticks:
				if err := events.Send(native.Event{ID: fmt.Sprint(n), Data: []byte(tick)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	url, stop := start(rt)
	defer stop()
	show(http.Get(url + "/ticks"))
	// Output:
	// 200 id: 0
	// data: tick
	//
	// id: 1
	// data: tock
}
