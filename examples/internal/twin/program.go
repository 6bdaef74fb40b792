package twin

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asProgram in the environment makes the test binary run the example's main.
const asProgram = "PEREGRINE_EXAMPLE_MAIN"

// Main runs the example's main where Program has asked for it, and the tests otherwise. It is called by TestMain.
func Main(m *testing.M, main func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Program starts the example's main, with the given arguments, on an address of the kernel's choice. It requires that
// the address is printed and can be connected to, that SIGINT ends the program with status 0, and that -help
// explains the flags.
func Program(t *testing.T, args ...string) {
	t.Run("help", func(t *testing.T) {
		out, err := program(t, "-help").CombinedOutput()
		require.NoError(t, err)
		require.Contains(t, string(out), "-addr")
	})
	t.Run("interrupt", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("no SIGINT to send")
		}
		p, addr := start(t, args)
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, p.Process.Signal(os.Interrupt))
		require.NoError(t, p.Wait())
	})
}

// Start starts the example's main as Program does, and returns its address. The program is interrupted when the test ends,
// and must then end with status 0.
func Start(t *testing.T, args ...string) (addr string) {
	t.Helper()
	p, addr := start(t, args)
	t.Cleanup(func() {
		require.NoError(t, p.Process.Signal(os.Interrupt))
		require.NoError(t, p.Wait())
	})
	return addr
}

func start(t *testing.T, args []string) (p *exec.Cmd, addr string) {
	t.Helper()
	p = program(t, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	p.Stderr = os.Stderr
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { p.Process.Kill() }) // an error if it has ended, as it should have
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	_, addr, found := strings.Cut(strings.TrimSpace(line), "http://")
	require.True(t, found, line)
	return p, addr
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := exec.Command(self, args...)
	p.Env = append(os.Environ(), asProgram+"=1")
	return p
}
