package process

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObey(t *testing.T) {
	var out bytes.Buffer
	Obey(strings.NewReader("usage\nfree\nnonsense\n"), &out)
	lines := strings.Split(out.String(), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^usage (\d+ \d+ \d+|n/a)$`, lines[0])
	require.Equal(t, "freed", lines[1])
}
