package servers

import (
	"io"
	"strconv"
	"time"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/pattern"
	"github.com/peregrine-http/peregrine/engine/native"
	"github.com/peregrine-http/peregrine/engine/native/files"
)

// newNative serves the application by native handlers, as their users write them.
func newNative(dir string, o Options) (Server, error) {
	static, err := files.Dir(dir, files.Options{})
	if err != nil {
		return nil, err
	}
	config, err := o.identity.config()
	if err != nil {
		return nil, err
	}
	rt := native.NewRouter()
	rt.Handle("GET /plaintext", nativePlaintext)
	rt.Const("GET /const", nativePlaintext)
	rt.Handle("GET /json", nativeJSON)
	rt.Handle("GET /users/{id}", nativeUser)
	rt.Handle("POST /echo", nativeEcho, native.Body(bytesMax))
	rt.Handle("GET /bytes/{n}", nativeBytes)
	rt.Handle("GET /sleep/{ms}", nativeSleep)
	rt.Handle("GET /static/{file...}", static)
	rt.Handle("GET /events", nativeEvents)
	nativeSockets(rt)
	return &native.Server{Router: rt, Loops: o.Loops, Transport: o.Transport, TLSConfig: config}, nil
}

func nativePlaintext(w *native.Response, _ *native.Request) error {
	w.Set("Content-Type", "text/plain")
	_, err := w.WriteString(Plaintext)
	return err
}

func nativeJSON(w *native.Response, _ *native.Request) error {
	return w.JSON(200, message{Plaintext})
}

func nativeUser(w *native.Response, r *native.Request) error {
	return w.Bytes(200, "text/plain; charset=utf-8", r.Param("id"))
}

func nativeEcho(w *native.Response, r *native.Request) error {
	w.Set("Content-Type", "application/octet-stream")
	if n := r.ContentLength(); n >= 0 {
		w.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	_, err := io.Copy(w, r.BodyReader())
	return err
}

func nativeBytes(w *native.Response, r *native.Request) error {
	n, err := strconv.Atoi(string(r.Param("n")))
	if err != nil || n < 0 || n > bytesMax {
		return native.Errorf(400, "want a number from 0 to %d", bytesMax)
	}
	w.Set("Content-Type", "text/plain")
	w.Set("Content-Length", strconv.Itoa(n))
	for n > 0 {
		m, err := w.Write(pattern.Bytes[:min(n, len(pattern.Bytes))])
		if err != nil {
			return err
		}
		n -= m
	}
	return nil
}

func nativeSleep(w *native.Response, r *native.Request) error {
	ms, err := strconv.Atoi(string(r.Param("ms")))
	if err != nil || ms < 0 || ms > sleepMaxMS {
		return native.Errorf(400, "want milliseconds from 0 to %d", sleepMaxMS)
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	w.Set("Content-Type", "text/plain")
	_, err = w.WriteString("awake")
	return err
}

func nativeEvents(w *native.Response, r *native.Request) error {
	events, err := w.Events(native.EventsOptions{})
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		e := native.Event{ID: strconv.Itoa(i), Data: time.Now().UTC().AppendFormat(nil, time.RFC3339)}
		if err := events.Send(e); err != nil {
			return err
		}
		select {
		case <-events.Done():
			return nil
		case <-tick.C:
		}
	}
}
