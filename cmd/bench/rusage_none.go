//go:build !unix

package main

func OwnUsage() (Usage, error) { return Usage{}, ErrUnmeasured }
