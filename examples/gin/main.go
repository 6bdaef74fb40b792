// Command gin is a gin application: binding, validation, a group with its own middleware, and a stream. It is a
// net/http program in which http.Server has become nethttp.Server: gin's engine is an http.Handler like any other.
package main

import (
	"context"
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

	"github.com/gin-gonic/gin"

	"github.com/peregrine-http/peregrine/adapters/nethttp"
)

func newServer(addr string) *nethttp.Server {
	return &nethttp.Server{
		Addr:              addr,
		Handler:           newHandler(),
		ReadHeaderTimeout: 10 * time.Second,
	}
}

type order struct {
	Item  string `json:"item" binding:"required"`
	Count int    `json:"count" binding:"min=1,max=100"`
}

func newHandler() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.GET("/hello/:name", func(c *gin.Context) {
		c.String(http.StatusOK, "hello, %s", c.Param("name"))
	})
	r.POST("/orders", func(c *gin.Context) {
		var o order
		if err := c.ShouldBindJSON(&o); err != nil {
			c.JSON(http.StatusUnprocessableEntity, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusCreated, gin.H{"ordered": o.Item, "count": o.Count, "client": c.ClientIP()})
	})
	r.GET("/count/:to", func(c *gin.Context) {
		n := 0
		c.Stream(func(w io.Writer) bool { // flushes after each step, and watches for the client's leaving
			n++
			fmt.Fprintln(w, n)
			return fmt.Sprint(n) != c.Param("to")
		})
	})
	admin := r.Group("/admin", gin.BasicAuth(gin.Accounts{"root": "secret"}))
	admin.GET("/user", func(c *gin.Context) { c.JSON(http.StatusOK, c.MustGet(gin.AuthUserKey)) })
	return r
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
