//go:build !linux

package process

func (m *Machine) describe() {}
