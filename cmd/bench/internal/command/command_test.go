package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	flagged := func(_ context.Context, e Env, args []string) error {
		fs := NewFlags("flagged", "Usage: flagged\n")
		n := fs.Int("n", 1, "`NUMBER`")
		if err := fs.Parse(e, args); err != nil {
			return err
		}
		_, err := fmt.Fprint(e.Stdout, *n, fs.Given("n"))
		return err
	}
	fails := func(err error) Func { return func(context.Context, Env, []string) error { return err } }
	p := Program{Usage: "Usage: p\n", Default: "flagged", Commands: map[string]Func{
		"flagged": flagged, "wrong": fails(UsageError("-x %d", 0)), "stopped": fails(fmt.Errorf("after 1 s: %w", ErrInterrupted)),
		"broken": fails(errors.New("it broke")),
	}}
	for _, c := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{nil, 0, "1 false", ""},
		{[]string{"-n", "2"}, 0, "2 true", ""},
		{[]string{"flagged", "-n", "1"}, 0, "1 true", ""},
		{[]string{"-help"}, 0, "Usage: p\n", ""},
		{[]string{"help"}, 0, "Usage: p\n", ""},
		{[]string{"flagged", "-help"}, 0, "Usage: flagged\n  -n NUMBER\n    \tNUMBER (default 1)\n", ""},
		{[]string{"-n", "x"}, 2, "", "bench flagged: invalid value \"x\" for flag -n: parse error\nTry \"bench flagged -help\".\n"},
		{[]string{"wrong"}, 2, "", "bench wrong: -x 0\nTry \"bench wrong -help\".\n"},
		{[]string{"stopped"}, 130, "", "bench stopped: after 1 s: interrupted\n"},
		{[]string{"broken"}, 1, "", "bench broken: it broke\n"},
		{[]string{"lost"}, 2, "", "bench: no command \"lost\"\n\nUsage: p\n"},
	} {
		var stdout, stderr bytes.Buffer
		code := p.Run(t.Context(), Env{Stdout: &stdout, Stderr: &stderr}, c.args)
		require.Equal(t, c.code, code, "%q", c.args)
		require.Equal(t, c.stdout, stdout.String(), "%q", c.args)
		require.Equal(t, c.stderr, stderr.String(), "%q", c.args)
	}
}

func TestList(t *testing.T) {
	var l List
	require.NoError(t, l.Set("a"))
	require.NoError(t, l.Set("b,c"))
	require.Equal(t, "a, b,c", l.String())
}
