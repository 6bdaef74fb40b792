package nethttp

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// SetReadDeadline is for http.ResponseController.
func (w *response) SetReadDeadline(at time.Time) error {
	switch {
	case w.hijacked.Load():
		nc, err := w.taken()
		if err != nil {
			return err
		}
		return nc.SetReadDeadline(at)
	case w.done.Load():
		return errFinished
	}
	w.x.SetReadDeadline(at)
	return nil
}

// SetWriteDeadline is for http.ResponseController.
func (w *response) SetWriteDeadline(at time.Time) error {
	switch {
	case w.hijacked.Load():
		nc, err := w.taken()
		if err != nil {
			return err
		}
		return nc.SetWriteDeadline(at)
	case w.done.Load():
		return errFinished
	}
	w.x.SetWriteDeadline(at)
	return nil
}

// taken is the connection after Hijack. After Upgrade there is none.
func (w *response) taken() (net.Conn, error) {
	if r := w.rare.Load(); r != nil && r.conn != nil {
		return r.conn, nil
	}
	return nil, http.ErrHijacked
}

// EnableFullDuplex is for http.ResponseController: the response may begin before the request's body has been read.
func (w *response) EnableFullDuplex() error {
	w.fullDuplex = true
	return nil
}

// closeNotify is what CloseNotify needs beyond the request's context.
type closeNotify struct {
	once sync.Once
	ch   chan bool
	stop func() bool
}

// CloseNotify implements http.CloseNotifier, which predates contexts: the channel gets a value when the client goes
// away while the handler runs.
func (w *response) CloseNotify() <-chan bool {
	if w.done.Load() {
		panic("net/http: CloseNotify called after ServeHTTP finished")
	}
	n := &w.getRare().notify
	n.once.Do(func() {
		n.ch = make(chan bool, 1)
		n.stop = w.ex.ctx.AfterFunc(func() { n.ch <- true })
	})
	return n.ch
}

// endNotify is called before the request's context ends because the handler has returned.
func (w *response) endNotify() {
	if r := w.rare.Load(); r != nil && r.notify.stop != nil {
		r.notify.stop()
	}
}
