package httpparse

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

const wrkHead = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

const browserHead = "GET /products/shoes?page=2&sort=price HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Connection: keep-alive\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n\r\n"

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, head string }{
		{"wrk", wrkHead},
		{"browser", browserHead},
		{"cookie4k", strings.Replace(browserHead, "theme=dark", strings.Repeat("0123456789abcdef", 256), 1)},
		{"careful", strings.ReplaceAll(browserHead, ": ", ":\t")},
	} {
		head := []byte(c.head)
		b.Run(c.name, func(b *testing.B) {
			var r Request
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				if _, err := r.Parse(head); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/net-http", func(b *testing.B) {
			src := bytes.NewReader(head)
			br := bufio.NewReader(src)
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(head)
				br.Reset(src)
				if _, err := http.ReadRequest(br); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParseBytewise feeds one byte more at a time. It is linear: the price of a byte does not grow with the line.
func BenchmarkParseBytewise(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 12, 1 << 14} {
		head := []byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("v", n) + "\r\n\r\n")
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var r Request
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				for i := 1; i <= len(head); i++ {
					if n, err := r.Parse(head[:i]); err != ErrNeedMore && (err != nil || n != len(head)) {
						b.Fatal(n, err)
					}
				}
			}
		})
	}
}

// What eight bytes at a time gain over the slow twins (oracle_test.go), on values and names of usual lengths.
func BenchmarkTextEnd(b *testing.B) {
	benchmarkScan(b, "v", "\r\nX: y\r\n\r\n", textEnd, slowTextEnd, 4, 12, 40, 400)
}

func BenchmarkColonFrom(b *testing.B) {
	benchmarkScan(b, "n", ": value\r\n", colonFrom, slowColonFrom, 4, 10, 16, 25)
}

func benchmarkScan(b *testing.B, unit, end string, words, bytes func([]byte, int) int, sizes ...int) {
	for _, n := range sizes {
		line := []byte(strings.Repeat(unit, n) + end)
		for _, v := range []struct {
			name string
			f    func([]byte, int) int
		}{{"words", words}, {"bytes", bytes}} {
			b.Run(strconv.Itoa(n)+"/"+v.name, func(b *testing.B) {
				for b.Loop() {
					if v.f(line, 0) != n {
						b.Fatal()
					}
				}
			})
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	for _, size := range []int{16, 256, 4096} {
		var body []byte
		for range 64 {
			body = AppendChunk(body, make([]byte, size))
		}
		body = append(body, LastChunk...)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var c Chunked
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				c.Reset()
				for rest := body; ; {
					_, n, err := c.Next(rest)
					if err == Done {
						break
					} else if err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}
