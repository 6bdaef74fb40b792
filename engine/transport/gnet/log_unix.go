//go:build linux || darwin

package gnet

import "sync/atomic"

// logger passes gnet's errors on, and nothing else. gnet makes the last one it was given its own for the process, so it
// outlives its runner, and is silent then.
type logger struct {
	logf atomic.Pointer[func(string, ...any)]
}

func (*logger) Debugf(string, ...any) {}
func (*logger) Infof(string, ...any)  {}
func (*logger) Warnf(string, ...any)  {}

func (g *logger) Errorf(format string, args ...any) {
	if logf := g.logf.Load(); logf != nil && *logf != nil {
		(*logf)("gnet: "+format, args...)
	}
}

// Fatalf is as Errorf: a library does not end the process.
func (g *logger) Fatalf(format string, args ...any) { g.Errorf(format, args...) }
