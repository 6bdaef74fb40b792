package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// linesMax bounds a file. What is longer is about more than one thing.
const linesMax = 600

// vague matches names, of a file or of its folder, that say nothing about what is inside.
var vague = regexp.MustCompile(`(^|[/_.])(utils?|common|helpers?|misc|shared|base)([/_.]|$)`)

// libraries are the folders whose exported identifiers are documented, each of them.
const libraries = "httpparse radix wsproto constcache engine adapters internal/netio"

// sourceBreaches judges files, and returns one line for each breach.
func sourceBreaches(files []source) (breaches []string) {
	breach := func(format string, args ...any) { breaches = append(breaches, fmt.Sprintf(format, args...)) }
	documented := map[string]bool{} // by folder
	for _, f := range files {
		if lines := strings.Count(f.text, "\n"); lines > linesMax {
			breach("%s has %d lines", f.path, lines)
		}
		if vague.MatchString(f.path) {
			breach("%s: the name says nothing", f.path)
		}
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.path, f.text, parser.ParseComments)
		if err != nil {
			breach("%v", err)
			continue
		}
		dir := path.Dir(f.path)
		documented[dir] = documented[dir] || file.Doc != nil
		if anyUnder(strings.Fields(libraries), dir) {
			for _, name := range undocumented(file) {
				breach("%s: %s has no comment", f.path, name)
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			breach("package %s has no comment", dir)
		}
	}
	return breaches
}

// undocumented returns the exported identifiers that neither have a comment nor stand in a group that has one. The
// values of an enumeration (a group with iota) are documented by its type; Error, String and Unwrap by custom.
func undocumented(file *ast.File) (missing []string) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if name := exportedName(d); name != "" && d.Doc == nil {
				missing = append(missing, name)
			}
		case *ast.GenDecl:
			enumeration := d.Tok == token.CONST && isEnumeration(d)
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
						missing = append(missing, s.Name.Name)
					}
				case *ast.ValueSpec:
					if enumeration {
						continue
					}
					for _, name := range s.Names {
						if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
							missing = append(missing, name.Name)
						}
					}
				}
			}
		}
	}
	return missing
}

// isEnumeration reports whether a group of constants begins with "Name Type = iota" or the like.
func isEnumeration(d *ast.GenDecl) (yes bool) {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || first.Type == nil || len(first.Values) == 0 {
		return false
	}
	ast.Inspect(first.Values[0], func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		yes = yes || ok && id.Name == "iota"
		return true
	})
	return yes
}

// exportedName returns the name of a function or method that can be seen from outside, or "".
func exportedName(f *ast.FuncDecl) string {
	if !f.Name.IsExported() {
		return ""
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	if slices.Contains([]string{"Error", "String", "Unwrap"}, f.Name.Name) {
		return ""
	}
	receiver := f.Recv.List[0].Type
	if p, ok := receiver.(*ast.StarExpr); ok {
		receiver = p.X
	}
	if i, ok := receiver.(*ast.IndexExpr); ok {
		receiver = i.X
	}
	if id, ok := receiver.(*ast.Ident); ok && id.IsExported() {
		return id.Name + "." + f.Name.Name
	}
	return ""
}

func TestSources(t *testing.T) { require.Empty(t, sourceBreaches(sources(t))) }

// TestSourcesFails: each of these files breaks one rule.
func TestSourcesFails(t *testing.T) {
	const doc = "// Package x has a comment.\npackage x\n"
	for _, c := range []struct {
		file source
		want []string
	}{
		{source{"engine/x.go", doc + "// F does.\nfunc F() {}\n"}, nil},
		{source{"engine/x.go", "package x\n"}, []string{"package engine has no comment"}},
		{source{"engine/x.go", doc + "func F() {}\n"}, []string{"engine/x.go: F has no comment"}},
		{source{"engine/x.go", doc + "type t int\n\nfunc (t) F() {}\nfunc g() {}\n"}, nil},
		{source{"engine/x.go", doc + "// T is.\ntype T int\n\nfunc (*T) F() {}\n"}, []string{"engine/x.go: T.F has no comment"}},
		{source{"engine/x.go", doc + "type (\n\t// T is.\n\tT int\n\tU int\n)\n"}, []string{"engine/x.go: U has no comment"}},
		{source{"engine/x.go", doc + "const (\n\tA = 1 // is documented\n\tB = 2\n)\n"}, []string{"engine/x.go: B has no comment"}},
		{source{"engine/x.go", doc + "// All of these are sizes.\nconst (\n\tA = 1\n\tB = 2\n)\n"}, nil},
		{source{"engine/x.go", doc + "// T is.\ntype T int\n\nconst (\n\tA T = 1 << iota\n\tB\n)\n"}, nil},
		{source{"engine/x.go", doc + "const (\n\tA int = 1\n\tB = 2 // two\n)\n"}, []string{"engine/x.go: A has no comment"}},
		{source{"engine/x.go", doc + "var E = 1\n"}, []string{"engine/x.go: E has no comment"}},
		{source{"engine/x.go", "pakkage x\n"}, []string{"engine/x.go:1:1: expected 'package', found pakkage"}},
		{source{"cmd/x/x.go", doc + "func F() {}\n"}, nil},
		{source{"engine/x_test.go", "package x\n\nfunc F() {}\n"}, nil},
		{source{"engine/x.go", doc + strings.Repeat("\n", linesMax-2)}, nil},
		{source{"engine/x.go", doc + strings.Repeat("\n", linesMax-1)}, []string{"engine/x.go has 601 lines"}},
		{source{"engine/x_test.go", strings.Repeat("\n", linesMax+1)}, []string{"engine/x_test.go has 601 lines"}},
		{source{"engine/helpers_test.go", ""}, []string{"engine/helpers_test.go: the name says nothing"}},
		{source{"internal/utils/x.go", doc}, []string{"internal/utils/x.go: the name says nothing"}},
		{source{"engine/database.go", doc}, nil},
	} {
		require.Equal(t, c.want, sourceBreaches([]source{c.file}), c.file.path+"\n"+c.file.text)
	}
}
