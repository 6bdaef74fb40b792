package process

import (
	"fmt"
	"os"
	"path/filepath"
)

// TempDir makes a directory for files of this process, which removes it. The parent does so for a child that could not.
func TempDir() (string, error) { return os.MkdirTemp("", fmt.Sprintf("bench-%d-", os.Getpid())) }

// removeTempDirs removes what a process that has ended has left of its TempDirs.
func removeTempDirs(pid int) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("bench-%d-*", pid)))
	for _, dir := range dirs {
		os.RemoveAll(dir)
	}
}
