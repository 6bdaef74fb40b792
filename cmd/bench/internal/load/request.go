package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Request is one request as the bytes that are sent, and what its response must be.
type Request struct {
	Addr string      // host:port to connect to
	TLS  *tls.Config // nil: without
	wire []byte
	Want Want

	socket *socket // it is a WebSocket's handshake; nil: HTTP
}

// NewRequest builds a request for rawURL. A Host in header replaces the URL's; Content-Length is set from body.
func NewRequest(method, rawURL string, header []string, body []byte) (*Request, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("URL %q: want http://HOST[:PORT]/PATH or https://", rawURL)
	}
	if strings.Contains(u.RequestURI(), " ") { // of a query, which url.Parse leaves as it is
		return nil, fmt.Errorf("URL %q: want %%20 for a space", rawURL)
	}
	if !httpguts.ValidHeaderFieldName(method) {
		return nil, fmt.Errorf("method %q is not a token", method)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	r := &Request{Addr: net.JoinHostPort(u.Hostname(), port)}
	if u.Scheme == "https" {
		r.TLS = clientTLS(u.Hostname())
	}
	r.Want = Want{status: 200, head: method == "HEAD"}

	host := u.Host
	var fields []byte
	for _, line := range header {
		name, value, ok := strings.Cut(line, ":")
		value = textproto.TrimString(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, fmt.Errorf("header %q: want NAME: VALUE", line)
		}
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Host":
			host = value
			continue
		case "Content-Length", "Transfer-Encoding":
			return nil, fmt.Errorf("header %q: the framing is made from the body", line)
		}
		fields = append(append(append(append(fields, name...), ": "...), value...), "\r\n"...)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", method, u.RequestURI(), host, fields)
	if len(body) > 0 || method == "POST" || method == "PUT" || method == "PATCH" {
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	r.wire = b.Bytes()
	return r, nil
}

// probeBytesMax bounds the body that a probe keeps as the one to expect.
const probeBytesMax = 64 << 20

// Probe sends the request once, by way of net/http's reader, which shares nothing with ours. It tells that the server can be
// reached, and what it answers.
func (r *Request) Probe(ctx context.Context, timeout time.Duration) (status int, body []byte, err error) {
	if r.socket != nil {
		status, err = r.probeSocket(ctx, timeout)
		return status, nil, err
	}
	conn, err := r.dial(ctx, timeout)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn.SetDeadline(time.Now().Add(timeout))
	method, _, _ := strings.Cut(string(r.wire[:min(len(r.wire), 64)]), " ")
	// A large body may be answered while it is sent, so the two go side by side.
	sent := make(chan error, 1)
	go func() { _, err := conn.Write(r.wire); sent <- err }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(resp.Body, probeBytesMax+1))
		status = resp.StatusCode
	}
	conn.Close()
	if werr := <-sent; err != nil && werr != nil && !errors.Is(werr, net.ErrClosed) {
		err = werr
	}
	switch {
	case err != nil && errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%s closed the connection without a whole response", r.Addr)
	case err != nil && kindOf(err) == "timeout" && ctx.Err() == nil:
		err = fmt.Errorf("%s gave no whole response within %v", r.Addr, timeout)
	case err == nil && len(body) > probeBytesMax:
		err = fmt.Errorf("%s answers with more than %d bytes", r.Addr, probeBytesMax)
	}
	return status, body, err
}
