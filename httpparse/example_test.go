package httpparse_test

import (
	"fmt"

	"github.com/peregrine-http/peregrine/httpparse"
)

// A head that arrives in two pieces.
func ExampleRequest_Parse() {
	wire := []byte("GET /search?q=hawk HTTP/1.1\r\nHost: birds.example\r\nAccept: text/html\r\n\r\n")
	var r httpparse.Request
	_, err := r.Parse(wire[:30])
	fmt.Println(err == httpparse.ErrNeedMore)

	n, err := r.Parse(wire)
	if err != nil {
		fmt.Println(err)
		return
	}
	head := wire[:n]
	fmt.Printf("%s %s, query %s, host %s\n", r.Method.In(head), r.Path.In(head), r.Query.In(head), r.Host.In(head))
	accept, _ := r.Find(head, httpparse.FieldAccept)
	fmt.Printf("accept %s, keep-alive %v, body %v\n", accept, r.KeepAlive, r.Body != httpparse.NoBody)
	// Output:
	// true
	// GET /search, query q=hawk, host birds.example
	// accept text/html, keep-alive true, body false
}

// Two readers could frame this message differently, so it has no reading.
func ExampleError() {
	var r httpparse.Request
	_, err := r.Parse([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"))
	fmt.Println(err)
	fmt.Println(err == httpparse.ErrLengthAndCoding, err.(*httpparse.Error).Status)
	// Output:
	// httpparse: content-length-and-transfer-encoding (RFC 9112, section 6.3)
	// true 400
}

func ExampleChunked_Next() {
	wire := []byte("5\r\nhello\r\n7;note=x\r\n, world\r\n0\r\nX-Checksum: 1f\r\n\r\nGET /next")
	var c httpparse.Chunked
	for {
		data, n, err := c.Next(wire)
		fmt.Printf("%s", data)
		if err == httpparse.Done {
			for _, f := range c.Trailer {
				fmt.Printf("\n%s is %s", f.Name.In(wire), f.Value.In(wire))
			}
			fmt.Printf("\nleft: %s\n", wire[n:])
			return
		}
		if err != nil { // ErrNeedMore: read more behind wire[n:] and go on
			fmt.Println(err)
			return
		}
		wire = wire[n:]
	}
	// Output:
	// hello, world
	// X-Checksum is 1f
	// left: GET /next
}

func ExampleAppendChunk() {
	b := httpparse.AppendChunk(nil, []byte("hello"))
	fmt.Printf("%q\n", append(b, httpparse.LastChunk...))
	// Output: "5\r\nhello\r\n0\r\n\r\n"
}
