//go:build !linux

package load

func newLoops(*Run, []slot) ([]driver, error) { return nil, errNoLoops }
