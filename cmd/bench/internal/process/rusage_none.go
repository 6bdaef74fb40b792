//go:build !unix

package process

// OwnUsage is the CPU time that this process has used.
func OwnUsage() (Usage, error) { return Usage{}, ErrUnmeasured }
