package native

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/textproto"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// formOf writes a body as mime/multipart does it: names that begin with "@" are files.
func formOf(t testing.TB, fields ...string) (contentType string, body *bytes.Buffer) {
	body = new(bytes.Buffer)
	w := multipart.NewWriter(body)
	for i := 0; i < len(fields); i += 2 {
		name, file := strings.CutPrefix(fields[i], "@")
		if file {
			p, err := w.CreateFormFile(name, name+".bin")
			require.NoError(t, err)
			p.Write([]byte(fields[i+1]))
		} else {
			require.NoError(t, w.WriteField(name, fields[i+1]))
		}
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), body
}

// streamed tells what Multipart gives, at the end.
func streamed(w *Response, r *Request) error {
	var all bytes.Buffer
	for part, err := range r.Multipart() {
		if err != nil {
			return err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s|%s|%s|%s\n", part.Name, part.FileName, part.Header.Get("Content-Type"), text)
	}
	_, err := w.Write(all.Bytes())
	return err
}

// formed tells what MultipartForm gives, with room for 100 bytes in memory.
func formed(w *Response, r *Request) error {
	f, err := r.MultipartForm(100)
	if err != nil {
		return err
	}
	for n, v := range f.Values() {
		fmt.Fprintf(w, "%s||%s\n", n, v)
	}
	for _, u := range f.Files() {
		for range 2 {
			text, err := io.ReadAll(u.Open())
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s|%s|%d|%s\n", u.Name, u.FileName, u.Size, text)
		}
	}
	again, err := r.MultipartForm(0)
	if again != f || err != nil {
		return errors.New("not the same")
	}
	return nil
}

// temporary has os.TempDir be a directory of the test's own, which must be empty when the test ends.
func temporary(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestMultipart(t *testing.T) {
	temporary(t)
	rt := NewRouter()
	rt.Handle("POST /stream", streamed)
	rt.Handle("POST /form", formed, Body(64<<20))
	rt.Handle("POST /fetched", func(w *Response, r *Request) error {
		if _, err := r.Body(); err != nil {
			return err
		}
		return streamed(w, r)
	})
	rt.Handle("POST /pieces", func(w *Response, r *Request) error {
		for part, err := range r.Multipart() { // left in the middle of a part
			first := make([]byte, 1)
			part.Read(first)
			fmt.Fprintf(w, "%s %s %v\n", part.Name, first, err)
			break
		}
		return streamed(w, r)
	})
	url := "http://" + serve(t, "", rt).addr
	big := strings.Repeat("0123456789", 50_000)
	contentType, body := formOf(t, "a", "1", "@file", "text\r\n--", "b", "", "@empty", "", "a", "2", "@big", big, "@more", big+"x")
	text := body.String()
	for _, path := range []string{"/stream", "/fetched"} {
		status, answer := postBody(t, url+path, contentType, strings.NewReader(text))
		require.Equal(t, 200, status, answer)
		const octets = "application/octet-stream"
		require.Equal(t, "a|||1\nfile|file.bin|"+octets+"|text\r\n--\nb|||\nempty|empty.bin|"+octets+"|\na|||2\n"+
			"big|big.bin|"+octets+"|"+big+"\nmore|more.bin|"+octets+"|"+big+"x\n", answer)
	}
	status, answer := postBody(t, url+"/form", contentType, strings.NewReader(text))
	require.Equal(t, 200, status, answer)
	var want strings.Builder
	want.WriteString("a||1\nb||\na||2\n")
	for _, c := range [][2]string{{"file", "text\r\n--"}, {"empty", ""}, {"big", big}, {"more", big + "x"}} {
		for range 2 {
			fmt.Fprintf(&want, "%s|%s.bin|%d|%s\n", c[0], c[0], len(c[1]), c[1])
		}
	}
	require.Equal(t, want.String(), answer)

	contentType, body = formOf(t, "a", "12345", "b", "2")
	status, answer = postBody(t, url+"/pieces", contentType, body)
	require.Equal(t, 200, status)
	require.Equal(t, "a 1 <nil>\nb|||2\n", answer)
}

// TestMultipartRefused: what is wrong, by way of both doors, gives its status and leaves no file.
func TestMultipartRefused(t *testing.T) {
	temporary(t)
	rt := NewRouter()
	rt.Handle("POST /stream", streamed)
	rt.Handle("POST /form", formed)
	url := "http://" + serve(t, "", rt, func(s *Server) { s.BodyBytesMax = 8 << 20 }).addr
	const kind = "multipart/form-data; boundary=x"
	part := func(head, body string) string { return "--x\r\n" + head + "\r\n\r\n" + body + "\r\n" }
	named := func(disposition string) string { return part("Content-Disposition: "+disposition, "v") + "--x--\r\n" }
	field := `Content-Disposition: form-data; name="a"`
	large := part(field+`; filename="f"`, strings.Repeat("f", 200<<10)) // is stored before the error comes
	for _, c := range []struct {
		kind, body string
		status     int
		message    string
	}{
		{"", part(field, "") + "--x--\r\n", 415, "want a body of type multipart/form-data"},
		{"text/plain", "", 415, "want a body of type multipart/form-data"},
		{"multipart/form-data", part(field, "") + "--x--\r\n", 400, "multipart: Content-Type has no usable boundary"},
		{"multipart/form-data; boundary=", part(field, "") + "--x--\r\n", 400, "multipart: Content-Type has no usable boundary"},
		{"multipart/form-data; boundary=" + strings.Repeat("x", 71), "", 400, "multipart: Content-Type has no usable boundary"},
		{"multipart/form-data; boundary=x; boundary=y", "", 400, "multipart: Content-Type has no usable boundary"},
		{kind, "", 400, "multipart: the body ends too early"},
		{kind, "no parts", 400, "multipart: the body ends too early"},
		{kind, large + "--x", 400, "multipart: the body ends too early"},
		{kind, large + "--x\r\n", 400, "multipart: a part has no usable name"},
		{kind, large + "--x\r\n" + field + "\r\n\r\nv", 400, "multipart: the body ends too early"},
		{kind, large + "--x\r\n" + field + "; filename=g\r\n\r\n" + strings.Repeat("g", 9000), 400, "multipart: the body ends too early"},
		{kind, large + part("no colon", "v") + "--x--\r\n", 400, "multipart: the body is malformed"},
		{kind, large + named("form-data"), 400, "multipart: a part has no usable name"},
		{kind, large + named(`form-data; name=""`), 400, "multipart: a part has no usable name"},
		{kind, large + named(`form-data; name="a`), 400, "multipart: a part has no usable name"},
		{kind, large + named(`form-data; name=a; name=b`), 400, "multipart: a part has no usable name"},
		{kind, large + named("attachment; name=a"), 400, "multipart: a part has no usable name"},
		{kind, large + named("form-data; name=a; filename=.."), 400, "multipart: a part has no usable name"},
		{kind, large + named(`form-data; name=a; filename="x/.."`), 400, "multipart: a part has no usable name"},
		{kind, large + named("form-data; name=a\r\nContent-Disposition: form-data; name=b"), 400, "multipart: a part has no usable name"},
		{kind, large + part("X: y", "v") + "--x--\r\n", 400, "multipart: a part has no usable name"},

		{kind, large + part(field+"\r\nX: "+strings.Repeat("y", PartHeaderBytesMax), "v") + "--x--\r\n", 413, "multipart: the head of a part is too long"},
		{kind, large + part(field+"\r\nX: "+strings.Repeat("y", 1<<20), "v") + "--x--\r\n", 413, "multipart: the head of a part is too long"},
		{kind, large + part(field+strings.Repeat("\r\nX: y", 2000), "v") + "--x--\r\n", 413, "multipart: the head of a part is too long"},
		{kind, strings.Repeat("preamble\r\n", 10_000) + part(field, ""), 413, "multipart: the head of a part is too long"},
		{kind, large + strings.Repeat(part(field, "v"), PartsMax) + "--x--\r\n", 413, "multipart: too many parts"},
		{kind, large + part(field+`; filename="f"`, strings.Repeat("f", 9<<20)) + "--x--\r\n", 413, "Request Entity Too Large"},
	} {
		for _, path := range []string{"/stream", "/form"} {
			for _, whole := range []bool{true, false} {
				var body io.Reader = strings.NewReader(c.body)
				if !whole {
					body = io.MultiReader(body) // whose length the client does not know
				}
				status, answer := postBody(t, url+path, c.kind, body)
				require.Equal(t, c.status, status, "%s %s ...%q: %.100s", path, c.kind, c.body[max(0, len(c.body)-100):], answer)
				require.Equal(t, c.message+"\n", answer)
			}
		}
	}
	for _, end := range []string{"--x--", "--x--\r\n", "--x-- \t\r\nepilogue", "--x--\r\n--x\r\n"} {
		status, answer := postBody(t, url+"/form", kind, strings.NewReader("preamble\r\n"+part(field, "v")+end))
		require.Equal(t, 200, status, answer)
		require.Equal(t, "a||v\n", answer)
	}
	status, answer := postBody(t, url+"/form", "multipart/mixed; boundary=x", strings.NewReader(part("X: y", "v")+"--x--\r\n"))
	require.Equal(t, 415, status, answer)
	status, answer = postBody(t, url+"/stream", "multipart/mixed; boundary=x", strings.NewReader(part("X: y", "v")+"--x--\r\n"))
	require.Equal(t, 200, status)
	require.Equal(t, "|||v\n", answer)
	status, answer = postBody(t, url+"/form", kind, strings.NewReader(part(field, strings.Repeat("v", MultipartMemoryDefault))+"--x--\r\n"))
	require.Equal(t, 413, status)
	require.Equal(t, "multipart: the fields that are no files are too long\n", answer)
	status, answer = postBody(t, url+"/form", kind, strings.NewReader(strings.Repeat(part(field, "v"), PartsMax)+"--x--\r\n"))
	require.Equal(t, 200, status)
	require.Equal(t, PartsMax, strings.Count(answer, "a||v\n"))
}

func TestPartNames(t *testing.T) {
	for _, c := range []struct{ disposition, name, file string }{
		{`form-data; name="a"`, "a", ""},
		{`Form-Data; name=a; filename=""`, "a", ""},
		{`form-data; name="a b"; filename="c d.txt"`, "a b", "c d.txt"},
		{`form-data; name="a"; filename="../../etc/passwd"`, "a", "passwd"},
		{`form-data; name="a"; filename="C:\dir\file.txt"`, "a", "file.txt"},
		{`form-data; name="a"; filename="dir/"`, "a", ""},
		{`form-data; name="é"; filename*=UTF-8''%c3%a9.txt`, "é", "é.txt"},
	} {
		p := &Part{Header: textproto.MIMEHeader{"Content-Disposition": {c.disposition}}}
		require.NoError(t, p.name(), c.disposition)
		require.Equal(t, [2]string{c.name, c.file}, [2]string{p.Name, p.FileName}, c.disposition)
	}
	p := &Part{Header: textproto.MIMEHeader{"Content-Disposition": {`form-data; name=a; filename*=utf-8''%00`}}}
	require.Error(t, p.name())
}

// TestMultipartRemoved: however the handler ends, the file and its descriptor are gone.
func TestMultipartRemoved(t *testing.T) {
	temporary(t)
	ended := make(chan *Upload, 1)
	var late []*Part
	rt := NewRouter()
	rt.OnPanic = func(w *Response, _ *Request, _ any) { w.Error(500, "") }
	rt.Handle("POST /{how}", func(w *Response, r *Request) error {
		for part, err := range r.Multipart() {
			require.NoError(t, err)
			late = append(late, part)
			break
		}
		f, err := r.MultipartForm(1)
		if err != nil {
			ended <- nil
			return err
		}
		defer func() { ended <- f.File("big") }()
		require.Equal(t, int64(100_000), f.File("big").Size)
		switch string(r.Param("how")) {
		case "error":
			return errors.New("failed")
		case "panic":
			panic("at the disco")
		case "abort":
			return ErrAbort
		case "goexit":
			runtime.Goexit()
		case "hijack":
			c, _, err := w.Hijack()
			require.NoError(t, err)
			return c.Close()
		}
		return w.Empty(204)
	})
	onTransports(t, func(t *testing.T, transport string) {
		a := serve(t, transport, rt)
		contentType, body := formOf(t, "first", "1", "@big", strings.Repeat("x", 100_000))
		send := func(how string, size int) net.Conn {
			c, err := net.Dial("tcp", a.addr)
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			fmt.Fprintf(c, "POST /%s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", how, contentType, body.Len())
			c.Write(body.Bytes()[:size])
			return c
		}
		for _, how := range []string{"return", "error", "panic", "abort", "goexit", "hijack"} {
			c := send(how, body.Len())
			u := await(t, ended, how)
			eventually(t, "the file to be closed after "+how, func() bool {
				_, err := u.Open().Read(make([]byte, 1))
				return errors.Is(err, os.ErrClosed)
			})
			c.Close()
		}
		c := send("gone", body.Len()/2)
		c.Close()
		require.Nil(t, await(t, ended, "the client to be gone"))
	})
	for _, part := range late {
		_, err := io.ReadAll(part)
		if err != nil {
			require.ErrorIs(t, err, ErrNoConn)
		}
	}
}

// formFrom reads a body that is there.
func formFrom(t testing.TB, contentType, body string, memoryMax int64) (*MultipartForm, error) {
	r := requestOf(t, "Content-Type: "+contentType+"\r\n")
	r.body.fetched, r.body.whole = true, []byte(body)
	t.Cleanup(func() { r.forms.end() })
	return r.MultipartForm(memoryMax)
}

// TestMultipartCut: a body that ends too early, wherever, is refused.
func TestMultipartCut(t *testing.T) {
	temporary(t)
	contentType, b := formOf(t, "a", "1", "@file", strings.Repeat("f", 2000), "b", "\r\n--", "@empty", "")
	body := b.String()
	for _, enough := range []string{body, strings.TrimSuffix(body, "\r\n")} {
		f, err := formFrom(t, contentType, enough, 1000)
		require.NoError(t, err)
		require.Equal(t, "1", string(f.Value("a")))
		require.Nil(t, f.Value("c"))
		require.Nil(t, f.File("c"))
		require.Len(t, f.Files(), 2)
		require.IsType(t, new(os.File), f.File("file").in)
		require.IsType(t, new(bytes.Reader), f.File("empty").in)
	}
	for n := range len(body) {
		if n == len(body)-2 {
			continue
		}
		_, err := formFrom(t, contentType, body[:n], 1000)
		require.IsType(t, new(Error), err, "%q", body[:n])
		require.Equal(t, 400, err.(*Error).Status)
	}
}

// FuzzMultipart: what we accept, mime/multipart accepts too and reads alike, but for a transfer coding that forms do not have
// any more (RFC 7578, section 4.7).
func FuzzMultipart(f *testing.F) {
	const field = "Content-Disposition: form-data; name="
	for _, s := range []string{
		"--x\r\n" + field + "a\r\n\r\nv\r\n--x\r\n" + field + "f; filename=g\r\nX: y\r\n\r\nw\r\n--x--\r\n",
		"--x\n" + field + "\"a b\"\n\nv\n--x--\n",
		"preamble\r\n--x \r\n" + field + "a\r\n\r\n\r\n--xy\r\n--x--",
		"--x\r\n" + field + "a\r\n folded=b\r\n\r\nv\r\n--x",
		"--x\r\n\r\n--x--", "--x--\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		ours, err := formFrom(t, "multipart/form-data; boundary=x", body, 100)
		if err != nil || strings.Contains(strings.ToLower(body), "quoted-printable") {
			return
		}
		theirs, err := multipart.NewReader(strings.NewReader(body), "x").ReadForm(1 << 20)
		require.NoError(t, err)
		values, files := map[string][]string{}, map[string][]string{}
		for n, v := range ours.Values() {
			values[string(n)] = append(values[string(n)], string(v))
		}
		for _, u := range ours.Files() {
			text, err := io.ReadAll(u.Open())
			require.NoError(t, err)
			files[u.Name] = append(files[u.Name], string(text))
		}
		require.Equal(t, theirs.Value, values)
		for n, list := range theirs.File {
			require.Len(t, files[n], len(list))
			for i, h := range list {
				r, err := h.Open()
				require.NoError(t, err)
				text, err := io.ReadAll(r)
				require.NoError(t, err)
				require.Equal(t, string(text), files[n][i])
			}
			delete(files, n)
		}
		require.Empty(t, files)
	})
}

// TestMultipartDisk: a disk that does not take the file is our fault, and said to the log.
func TestMultipartDisk(t *testing.T) {
	temporary(t)
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, os.TempDir()+"/none")
	}
	a := serve(t, "", route1(formed))
	contentType, body := formOf(t, "@file", strings.Repeat("f", 200))
	status, answer := postBody(t, "http://"+a.addr, contentType, body)
	require.Equal(t, 500, status)
	require.Equal(t, "Internal Server Error\n", answer)
	require.Contains(t, a.log.String(), "native: upload: ")
}
