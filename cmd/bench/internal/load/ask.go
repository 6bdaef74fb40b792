package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

// ask makes one request on conn and checks its response.
func ask(conn net.Conn, r *Request, timeout time.Duration) error {
	if r.socket != nil {
		return r.socket.ask(conn, timeout)
	}
	conn.SetDeadline(time.Now().Add(timeout))
	if _, err := conn.Write(r.wire); err != nil {
		return err
	}
	k := checker{want: &r.Want, memo: &memo{}}
	buf := make([]byte, 4<<10)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			switch m, done := k.feed(buf[:n]); {
			case done && k.result.kind != "":
				return fmt.Errorf("%s: %s", k.result.kind, k.result.detail)
			case done && m < n:
				return fmt.Errorf("bytes that answer no request: %q", Cut(buf[m:n]))
			case done && k.close:
				return fmt.Errorf("the server closes the connection")
			case done:
				return nil
			}
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
}

// Sleep waits, or returns the context's error when it is over before.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
