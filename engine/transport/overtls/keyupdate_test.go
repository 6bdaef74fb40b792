package overtls_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/engine"
	"github.com/peregrine-http/peregrine/engine/websocket"
	"github.com/peregrine-http/peregrine/wsproto"
)

// sealer makes records of TLS 1.3, of any type, in place of a client's library that has shaken hands and not written yet.
type sealer struct {
	net.Conn
	t      testing.TB
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	seq    uint64
}

func (s *server) sealer(t testing.TB, raw net.Conn) *sealer {
	t.Helper()
	var log bytes.Buffer
	c := s.over(raw, func(c *tls.Config) { c.KeyLogWriter = &log })
	require.NoError(t, c.Handshake())
	if c.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("the processor has no AES: another cipher suite is preferred")
	}
	for line := range strings.Lines(log.String()) {
		if word := strings.Fields(line); word[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(word[2])
			require.NoError(t, err)
			x := &sealer{Conn: raw, t: t, secret: secret}
			x.rekey()
			return x
		}
	}
	t.Fatal("no secret")
	return nil
}

// expand is HKDF-Expand-Label (RFC 8446, section 7.1).
func (x *sealer) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 "+label)))
	info = append(append(info, "tls13 "+label...), 0)
	key, err := hkdf.Expand(sha256.New, x.secret, string(info), n)
	require.NoError(x.t, err)
	return key
}

func (x *sealer) rekey() {
	block, err := aes.NewCipher(x.expand("key", 16))
	require.NoError(x.t, err)
	x.aead, err = cipher.NewGCM(block)
	require.NoError(x.t, err)
	x.iv, x.seq = x.expand("iv", 12), 0
}

// append appends a record with data of the given type.
func (x *sealer) append(b []byte, typ byte, data string) []byte {
	nonce := bytes.Clone(x.iv)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^x.seq)
	x.seq++
	head := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(data)+1+x.aead.Overhead()))
	return x.aead.Seal(append(b, head...), nonce, append([]byte(data), typ), head)
}

// update appends a request for new keys.
func (x *sealer) update(b []byte) []byte {
	b = x.append(b, 22, "\x18\x00\x00\x01\x01")
	x.secret = x.expand("traffic upd", sha256.Size)
	x.rekey()
	return b
}

// flood sends key updates with data in between, and reads nothing, until the server has ended the connection.
func (x *sealer) flood(data string, ended <-chan error) (err error) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for {
			var b []byte
			for range 10 {
				b = x.update(b)
			}
			if _, err := x.Write(x.append(b, 23, data)); err != nil {
				return
			}
		}
	}()
	err = await(x.t, ended, "the end")
	x.Close()
	<-sent
	return err
}

// TestKeyUpdates: those of an honest peer are answered; those without end, from one that reads no answer, do not pile up
// beside a body that is read.
func TestKeyUpdates(t *testing.T) {
	onTransports(t, func(t *testing.T, transport string) {
		ended := make(chan error, 1)
		s := serve(t, transport, func(x *engine.Exchange) {
			if path(x) != "/read" {
				echo(x)
				return
			}
			_, err := io.Copy(io.Discard, bodyReader{x})
			ended <- err
			reply(x, "read")
		})
		x := s.sealer(t, s.raw(t))
		for i := range 100 {
			x.Write(x.append(x.update(nil), 23, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i)))
		}
		buf := make([]byte, 100*(27+5+len("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/1")+17)+80)
		_, err := io.ReadFull(x, buf)
		require.NoError(t, err)
		x.Close()

		x = s.sealer(t, s.raw(t))
		x.Write(x.append(nil, 23, "POST /read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"))
		require.ErrorContains(t, x.flood("1\r\nx\r\n", ended), "too many key updates")
	})
}

// TestKeyUpdatesBesideMessages: nor do they when the session is a Protocol.
func TestKeyUpdatesBesideMessages(t *testing.T) {
	opened, ended := make(chan bool, 1), make(chan error, 1)
	endpoint := websocket.New(websocket.Options{
		OnOpen:    func(*websocket.Conn) { opened <- true },
		OnMessage: func(*websocket.Conn, websocket.Message) {},
		OnClose:   func(_ *websocket.Conn, code wsproto.CloseCode, _ string) { ended <- fmt.Errorf("close code %d", code) },
	})
	l := &cutting{conns: make(chan net.Conn), done: make(chan struct{})}
	s := serveListener(t, l, "portable", func(x *engine.Exchange) {
		if err := endpoint.Upgrade(x, nil, nil); err != nil {
			t.Error(err)
		}
	}, func(es *engine.Server) { es.TLS.SessionTicketsDisabled = true }) // which would wait to be read
	near, far := net.Pipe() // where what is written waits until it has been read
	near.SetDeadline(time.Now().Add(patience))
	l.conns <- far
	x := s.sealer(t, near)
	req, _ := http.NewRequest("GET", "http://h/socket", nil)
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="}}
	var head strings.Builder
	req.Write(&head)
	x.Write(x.append(nil, 23, head.String()))
	x.Read(make([]byte, 1000)) // the answer
	await(t, opened, "the connection")
	require.ErrorContains(t, x.flood("\x81\x81\x00\x00\x00\x00x", ended), "close code 1006")
}
