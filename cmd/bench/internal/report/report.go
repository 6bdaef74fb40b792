package report

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/command"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/figures"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/results"
)

const usageText = `Usage: bench report [flags] RESULTS.json...

Makes one HTML page of what "bench compare -json" has written: charts, tables, what was measured on, and the command that did.
Each file is a part of the page, in the order given. The page needs no network and has no scripts.

With -against it makes no page but prints how one metric differs from that of an older run: what a change to a server has done, or
how well a machine repeats itself. Exit code 1: a median differs by more than -within and by more than the rounds of either run do.

`

// Command is bench report.
func Command(_ context.Context, e command.Env, args []string) error {
	fs := command.NewFlags("report", usageText+"Flags:\n")
	out := fs.String("o", "report.html", "`FILE` to write the page to, - for standard output")
	dir := fs.String("svg", "", "`DIR` to write each chart to, as an SVG file that can stand alone; it is made if it is not there")
	other := fs.String("against", "", "`FILE` of an older run, to print the differences from instead of making a page")
	name := fs.String("metric", results.Names[results.CPU], "`NAME` of what to compare with -against")
	within := fs.Float64("within", 5, "`PERCENT` by which medians may differ with -against")
	if err := fs.Parse(e, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return command.UsageError("want the files that compare -json has written")
	}
	if *other != "" && fs.NArg() > 1 {
		return command.UsageError("want one file to compare with %s, got %q", *other, fs.Args())
	}
	if !slices.Contains(results.Names[:], *name) || !(*within >= 0) {
		return command.UsageError("-metric %s, -within %v: want one of %s, and a number of percents", *name, *within, strings.Join(results.Names[:], ", "))
	}
	for _, name := range fs.Args() {
		if *other == "" && sameFile(name, *out) {
			return command.UsageError("-o %s would replace the results that the page is to be made of", *out)
		}
	}
	var runs []results.Run
	for _, name := range fs.Args() {
		r, err := results.ReadFile(name)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	if *other != "" {
		was, err := results.ReadFile(*other)
		if err != nil {
			return err
		}
		return against(e.Stdout, was, runs[0], *name, *within/100)
	}
	p, charts, err := newPage(runs)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := p.write(&page); err != nil {
		return err
	}
	if *dir != "" {
		if err := writeCharts(*dir, charts); err != nil {
			return err
		}
		fmt.Fprintf(e.Stderr, "%d charts in %s\n", len(charts), *dir)
	}
	if *out == "-" {
		_, err := e.Stdout.Write(page.Bytes())
		return err
	}
	if err := os.WriteFile(*out, page.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.Stderr, "%s: %s bytes\n", *out, figures.Thousands(uint64(page.Len())))
	return nil
}

// sameFile reports whether both names are of one file, which is there.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// writeCharts writes each chart under its name.
func writeCharts(dir string, charts []*chart) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range charts {
		if err := os.WriteFile(filepath.Join(dir, c.name+".svg"), []byte(c.alone), 0o644); err != nil {
			return err
		}
	}
	return nil
}
