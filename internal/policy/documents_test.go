package policy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documents are the pages whose words are held against the repository.
var documents = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"}

// A path in a document is what stands in backticks or behind a link and has a slash or a suffix that files here have.
var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	linked   = regexp.MustCompile(`\]\(([^)\n]+)\)`)
	pathLike = regexp.MustCompile(`^\.?[\w-]+(/[\w.-]+)+/?$|^[\w-]+/$|^[\w.-]+\.(go|md|mod)$|^Makefile$|^LICENSE$`)
)

// missingPaths returns the paths in a document that exists reports not to be there.
func missingPaths(text string, exists func(string) bool) (missing []string) {
	for _, syntax := range []*regexp.Regexp{quoted, linked} {
		for _, m := range syntax.FindAllStringSubmatch(text, -1) {
			if pathLike.MatchString(m[1]) && !exists(m[1]) {
				missing = append(missing, m[1])
			}
		}
	}
	return missing
}

// TestPathsExist: a path that a document names is a file or folder here, or a package of the standard library. A bare
// file name may be that of a file in any folder.
func TestPathsExist(t *testing.T) {
	bare := map[string]bool{}
	for _, f := range sources(t) {
		bare[path.Base(f.path)] = true
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	tops := []string{root, filepath.Join(strings.TrimSpace(string(goroot)), "src")}
	exists := func(path string) bool {
		if bare[path] {
			return true
		}
		for _, top := range tops {
			if _, err := os.Stat(filepath.Join(top, filepath.FromSlash(path))); err == nil {
				return true
			}
		}
		return false
	}
	for _, name := range documents {
		require.Empty(t, missingPaths(read(t, name), exists), name)
	}
}

func TestPathsExistFails(t *testing.T) {
	nothing := func(string) bool { return false }
	require.Equal(t, []string{"engine/gone.go", "engine/", ".ci/run", "go.mod", "net/http", "LOST.md"},
		missingPaths("`engine/gone.go` is in `engine/`, `.ci/run`, `go.mod`, `net/http`; "+
			"`http.Server`, `go test ./...`, `GET /`, `a/b c`, [a page](LOST.md), [elsewhere](https://example.com/x).", nothing))
}

// fenced returns the code blocks of a language.
func fenced(text, language string) (blocks []string) {
	for {
		_, after, found := strings.Cut(text, "\n```"+language+"\n")
		if !found {
			return blocks
		}
		block, rest, _ := strings.Cut(after, "\n```")
		blocks, text = append(blocks, block), rest
	}
}

// flatten makes passages comparable that are indented differently.
func flatten(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// sides returns what a diff's passage was and what it becomes.
func sides(diff string) (before, after string) {
	for line := range strings.Lines(diff) {
		switch text := line[1:]; line[0] {
		case '-':
			before += text
		case '+':
			after += text
		default:
			before += text
			after += text
		}
	}
	return before, after
}

// TestCodeIsReal: a block of Go in a document is a passage of a file that is compiled, and so is what a diff leads to;
// what a diff comes from is a passage of the example's net/http twin, of which TestTwinsCompile knows that it compiles.
func TestCodeIsReal(t *testing.T) {
	var all strings.Builder
	for _, f := range sources(t) {
		all.WriteString(flatten(f.text))
	}
	code := all.String()
	twins := twin(code)
	for _, name := range documents {
		text := read(t, name)
		for _, block := range fenced(text, "go") {
			require.True(t, strings.Contains(code, flatten(block)), "%s: in no file:\n%s", name, block)
		}
		for _, diff := range fenced(text, "diff") {
			before, after := sides(diff)
			require.True(t, strings.Contains(code, flatten(after)), "%s: in no file:\n%s", name, after)
			require.True(t, strings.Contains(twins, flatten(before)), "%s: in no twin:\n%s", name, before)
			require.NotEqual(t, before, after)
		}
	}
	require.NotEmpty(t, fenced(read(t, "README.md"), "diff"), "README.md shows the change")
}

func TestCodeIsRealFails(t *testing.T) {
	const page = "Words.\n\n```go\nf()\n\n\tg()\n```\n\n```diff\n \ts := &\n-\told{}\n+\tnew{}\n```\nEnd.\n"
	require.Equal(t, []string{"f()\n\n\tg()"}, fenced(page, "go"))
	require.Contains(t, flatten("func a() {\n\tf()\n\tg()\n}\n"), flatten(fenced(page, "go")[0]))
	require.NotContains(t, flatten("func a() {\n\tf()\n\th()\n}\n"), flatten(fenced(page, "go")[0]))
	before, after := sides(fenced(page, "diff")[0])
	require.Equal(t, "s := &\nold{}\n", flatten(before))
	require.Equal(t, "s := &\nnew{}\n", flatten(after))
}

// twin takes back the one change that makes a net/http program one of ours.
func twin(program string) string {
	program = strings.ReplaceAll(program, "nethttp.", "http.")
	return strings.ReplaceAll(program, `"`+module+`/adapters/nethttp"`+"\n", "\n")
}

// twinless are the examples that use what net/http does not have.
const twinless = "chat const native processes processes-http robynchat ticker"

// TestTwinsCompile: each other example is still a program when the change is taken back.
func TestTwinsCompile(t *testing.T) {
	examples, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.go"))
	require.NoError(t, err)
	examples = slices.DeleteFunc(examples, func(file string) bool {
		return slices.Contains(strings.Fields(twinless), filepath.Base(filepath.Dir(file)))
	})
	require.GreaterOrEqual(t, len(examples), 8)
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, file := range examples {
		abs, err := filepath.Abs(file)
		require.NoError(t, err)
		program, err := os.ReadFile(file)
		require.NoError(t, err)
		changed := twin(string(program))
		require.NotEqual(t, string(program), changed, file)
		require.NotContains(t, changed, "peregrine", file)
		replacement := filepath.Join(t.TempDir(), "main.go")
		require.NoError(t, os.WriteFile(replacement, []byte(changed), 0o644))
		overlay.Replace[abs] = replacement
	}
	config, err := json.Marshal(overlay)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, config, 0o644))
	build := exec.Command("go", "build", "-overlay", file, "./examples/...")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func read(t *testing.T, document string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(t, err)
	return string(text)
}
