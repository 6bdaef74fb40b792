package nethttp

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that serves with this package links the standard library, two libraries of the Go team, and us.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	own := false
	for path := range strings.FieldsSeq(string(out)) {
		switch {
		case strings.HasPrefix(path, "github.com/peregrine-http/peregrine/"):
			own = true
		case strings.HasPrefix(path, "golang.org/x/sys/"), strings.HasPrefix(path, "golang.org/x/net/"):
		default:
			t.Errorf("%s is linked", path)
		}
	}
	require.True(t, own)
}
