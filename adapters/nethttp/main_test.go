package nethttp_test

import (
	"os"
	"path/filepath"
	"testing"
)

// sampleFile has sample in it.
var sampleFile string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nethttp")
	if err != nil {
		panic(err)
	}
	sampleFile = filepath.Join(dir, "sample.txt")
	if err := os.WriteFile(sampleFile, []byte(sample), 0o600); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
