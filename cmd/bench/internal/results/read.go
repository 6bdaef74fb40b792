package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Bounds of what a file of results may say. A run of everything takes half a megabyte.
const (
	fileMax   = 64 << 20 // bytes of a file
	figureMax = 1e15     // of a metric: bytes, or microseconds of thirty years
)

// ReadFile is Read of a file; errors name it.
func ReadFile(name string) (Run, error) {
	f, err := os.Open(name)
	if err != nil {
		return Run{}, err
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// Read reads what compare -json has written. Fields that it does not know are left out: a newer bench may measure more
// without another format. What it returns has a name and a sane number everywhere, so that a page can be made of it.
func Read(in io.Reader) (r Run, err error) {
	b, err := io.ReadAll(io.LimitReader(in, fileMax+1))
	switch {
	case err != nil:
		return r, err
	case len(b) > fileMax:
		return r, fmt.Errorf("longer than %d MB", fileMax>>20)
	case len(bytes.TrimSpace(b)) == 0:
		return r, errors.New("the file is empty; compare fills it when it ends")
	}
	var head struct {
		Format *int `json:"format"`
	}
	var kind *json.UnmarshalTypeError
	if err := json.Unmarshal(b, &head); err != nil && !errors.As(err, &kind) {
		return r, fmt.Errorf("not JSON: %w", err)
	}
	if head.Format == nil {
		return r, errors.New("JSON, but no results of bench compare -json: it has no format")
	}
	if *head.Format != Format {
		return r, fmt.Errorf("format %d; this bench reads format %d", *head.Format, Format)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("not as bench compare -json writes it: %w", err)
	}
	return r, r.check()
}

// check looks for what a page could not show, or what would make it lie.
func (r *Run) check() error {
	known := map[string]bool{}
	for _, s := range r.Servers {
		if s.Name == "" || known[s.Name] {
			return fmt.Errorf("a server has no name of its own: %q", s.Name)
		}
		known[s.Name] = true
	}
	if !known[r.Base] {
		return fmt.Errorf("base %q is none of the servers", r.Base)
	}
	measured := false
	for _, s := range r.Scenarios {
		for _, row := range s.Rows {
			for _, one := range row.Servers {
				if !known[one.Name] {
					return fmt.Errorf("%s: %q is none of the servers", s.Name, one.Name)
				}
				if err := one.check(); err != nil {
					return fmt.Errorf("%s, %s: %w", s.Name, one.Name, err)
				}
				measured = measured || len(one.Metrics) > 0
			}
		}
	}
	if !measured {
		return errors.New("nothing was measured")
	}
	return nil
}

func (s *RowServer) check() error {
	for name, m := range s.Metrics {
		values := append([]float64{m.Median}, m.Rounds...)
		if m.Spread != nil {
			values = append(values, *m.Spread)
		}
		if m.Ratio != nil {
			values = append(values, m.Ratio.Spread)
			if m.Ratio.Median != nil {
				values = append(values, *m.Ratio.Median)
			}
		}
		for _, v := range values {
			if math.Abs(v) > figureMax {
				return fmt.Errorf("%s is %g", name, v)
			}
		}
	}
	for _, p := range s.Curve {
		if p.Percent < 0 || p.Percent > 100 || p.Micros < 0 || p.Micros > figureMax {
			return fmt.Errorf("%g %% of the latencies were at most %g µs", p.Percent, p.Micros)
		}
	}
	return nil
}
