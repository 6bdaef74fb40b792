package servers_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// What was made for TLS is TLS: HTTP without it is no answer.
func TestServeTLS(t *testing.T) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	for _, s := range parsing() {
		t.Run(s.Name, func(t *testing.T) {
			_, url := benchtest.Serve(t, s.Name, servers.Options{TLS: true})
			resp, err := client.Get(url + "/json")
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, 200, resp.StatusCode)
			require.Equal(t, `{"message":"Hello, World!"}`, string(body))

			plain, err := client.Get(strings.Replace(url, "https", "http", 1) + "/json")
			if err == nil {
				plain.Body.Close()
				require.Equal(t, 400, plain.StatusCode)
			}
		})
	}
	for _, name := range []string{"gobwas", "floor"} {
		_, err := servers.New(name, "", servers.Options{TLS: true})
		require.ErrorContains(t, err, "-tls means nothing to "+name)
	}
}
