//go:build !unix

package main

func ownUsage() (usage, error) { return usage{}, errUnmeasured }
