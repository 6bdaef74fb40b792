//go:build !linux

package main

func readProcess(int) (processState, error) { return processState{}, errUnmeasured }

func processMemory(int) (int64, error) { return 0, errUnmeasured }
