//go:build !linux

package main

func (m *machine) describe() {}
