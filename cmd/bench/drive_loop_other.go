//go:build !linux

package main

func newLoops(*loadRun, []slot) ([]driver, error) { return nil, errNoLoops }
