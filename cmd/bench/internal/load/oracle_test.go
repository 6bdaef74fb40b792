package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oracle reads the first response by net/http, and says whether it is whole and as wanted.
func oracle(in []byte, w Want) (whole, good bool) {
	method := "GET"
	if w.head {
		method = "HEAD"
	}
	r := bufio.NewReader(bytes.NewReader(in))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return false, false
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return false, false
		}
		if resp.StatusCode < 200 && resp.StatusCode != 101 {
			continue
		}
		good = resp.StatusCode == w.status && (w.anyBody || bytes.Equal(body, w.Body))
		return true, good
	}
}

// net/http's reader agrees on each first response that is well-formed. It forgives more than the checker does, so of
// the malformed ones it may read some.
func TestCheckerAgreesWithNetHTTP(t *testing.T) {
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			says := c.says[0]
			if strings.HasPrefix(says, "malformed") || strings.Contains(says, "lost") {
				return
			}
			whole, good := oracle([]byte(c.in), c.want)
			require.Equal(t, says != "unfinished", whole)
			if whole {
				require.Equal(t, strings.HasPrefix(says, "ok"), good, says)
			}
		})
	}
}
