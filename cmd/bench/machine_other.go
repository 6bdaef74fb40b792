//go:build !linux

package main

func (m *Machine) describe() {}
