package processes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// What one process says to another ends anywhere, since that process does.

func TestFramesCut(t *testing.T) {
	whole := [][]byte{frame(t, "room", "news", 1, []byte("hello")), make([]byte, frameLength), frame(t, "", "", 0, nil)}
	stream := bytes.Join(whole, nil)
	for cut := range len(stream) + 1 {
		in := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream[:cut])), 16)
		got := 0
		for read := 0; ; got++ {
			f, err := readFrame(in)
			if read+len(whole[min(got, 2)]) > cut || got == len(whole) {
				require.Error(t, err, "cut at %d", cut)
				break
			}
			require.NoError(t, err, "cut at %d", cut)
			require.Equal(t, whole[got], f)
			read += len(f)
		}
	}
}

func TestMessagesCut(t *testing.T) {
	said := []message{{Ready: true}, {Counters: &Counters{Requests: 7}, Memory: 1, Lost: 2}, {Profile: &profile{ID: 3, Data: []byte("data")}}, {Failed: "why"}}
	var stream []byte
	var ends []int // without the end of line, which the last may do without
	for _, m := range said {
		line, err := json.Marshal(m)
		require.NoError(t, err)
		stream = append(append(stream, line...), '\n')
		ends = append(ends, len(stream)-1)
	}
	for cut := range len(stream) + 1 {
		var heard []message
		hear(iotest.OneByteReader(bytes.NewReader(stream[:cut])), func(m message) { heard = append(heard, m) })
		whole := 0
		for whole < len(ends) && ends[whole] <= cut {
			whole++
		}
		require.Equal(t, said[:whole], append([]message{}, heard...), "cut at %d", cut)
	}
	for _, bad := range []string{"x\n", "[]\n", `{"Ready":1}` + "\n", "\n"} {
		hear(io.MultiReader(strings.NewReader(bad), bytes.NewReader(stream)), func(message) { t.Errorf("heard something after %q", bad) })
	}
}

// TestCommandsCut: a command that is cut is none, and then there is no master that wants anything.
func TestCommandsCut(t *testing.T) {
	stream := strings.Join([]string{commandDump, commandReopen, commandDrain, commandCut, ""}, "\n")
	for cut := range len(stream) + 1 {
		var heard []string
		obey(iotest.OneByteReader(strings.NewReader(stream[:cut])), func(c string) { heard = append(heard, c) })
		require.Equal(t, strings.TrimSuffix(stream[:cut], "\n"), strings.Join(heard, "\n"), "cut at %d", cut)
	}
	w := newWorker(Options{})
	w.obey("dra")
	select {
	case <-w.draining:
		t.Error("half a command is a command")
	default:
	}
	w.obey(commandDrain)
	<-w.draining
}
