// Command echo is an application on labstack/echo: binding, an error handler, a body limit, an upload and a stream. It
// is a net/http program in which http.Server has become nethttp.Server: echo's instance is an http.Handler like
// any other.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

func newServer(addr string) *nethttp.Server {
	return &nethttp.Server{
		Addr:              addr,
		Handler:           newHandler(),
		ReadHeaderTimeout: 10 * time.Second,
	}
}

type point struct {
	X int `query:"x" json:"x"`
	Y int `query:"y" json:"y"`
}

func newHandler() http.Handler {
	e := echo.New()
	e.Use(middleware.Recover(), middleware.RequestID(), middleware.BodyLimit("1M"))
	e.GET("/mirror", func(c echo.Context) error {
		var p point
		if err := c.Bind(&p); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, point{X: p.Y, Y: p.X})
	})
	e.POST("/sum", func(c echo.Context) error { // multipart: a form of files
		f, err := c.FormFile("file")
		if err != nil {
			return echo.NewHTTPError(http.StatusBadRequest, "no file").SetInternal(err)
		}
		content, err := f.Open()
		if err != nil {
			return err
		}
		defer content.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, content); err != nil {
			return err
		}
		return c.String(http.StatusOK, fmt.Sprintf("%x %s", sum.Sum(nil), f.Filename))
	})
	e.POST("/upper", func(c echo.Context) error { // answers while it reads
		if err := http.NewResponseController(c.Response()).EnableFullDuplex(); err != nil {
			return err
		}
		c.Response().WriteHeader(http.StatusOK)
		buf := make([]byte, 4096)
		for {
			n, err := c.Request().Body.Read(buf)
			for i, b := range buf[:n] {
				if 'a' <= b && b <= 'z' {
					buf[i] = b - 'a' + 'A'
				}
			}
			c.Response().Write(buf[:n])
			c.Response().Flush()
			if err != nil {
				return nil // the end of the body, or of the client
			}
		}
	})
	return e
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server := newServer(*addr)
	l, err := net.Listen("tcp", server.Addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())

	drained := make(chan error, 1)
	go func() {
		<-interrupted.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(ctx)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}
