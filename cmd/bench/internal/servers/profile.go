package servers

import (
	"os"
	"runtime/pprof"
)

// profileCPU writes a CPU profile of this process to a file, until stop is called.
func profileCPU(file string) (stop func() error, err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
