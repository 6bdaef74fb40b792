package netio

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSimIsLikeLinux plays the same random scripts on the pretend kernel, without faults, and on the real one: each call
// has the same result, and each move is followed by the same events.
func TestSimIsLikeLinux(t *testing.T) {
	for seed := range uint64(500) {
		script := newStream(seed, 100, 0)
		sim := NewSim(seed, Faults{})
		simPoller, err := sim.NewPoller()
		require.NoError(t, err)
		client, err := sim.Dial(sim.Listen())
		require.NoError(t, err)
		for sim.Step() {
		}
		simFD, _, err := sim.Accept(simFirstFD + 1)
		require.NoError(t, err)

		real, realPoller := systemKernel(t), systemPoller(t)
		realFD, c := pair(t, "tcp4")
		realClient := c.(*net.TCPConn)
		reading := make(chan bool)
		go func() { // as a SimClient has read everything at once
			defer close(reading)
			b := make([]byte, 4096)
			for {
				if _, err := realClient.Read(b); err != nil {
					return
				}
			}
		}()
		require.NoError(t, simPoller.Add(simFD, 7))
		require.NoError(t, realPoller.Add(realFD, 7))

		b := make([]byte, 64)
		story, over := "", false
		for range 14 {
			n := 1 + script.below(20)
			var simN, realN int
			var simErr, realErr error
			switch script.below(8) {
			case 0, 1, 2:
				story += fmt.Sprintf("client writes %d; ", n)
				if _, err := client.Write(b[:n]); err == nil {
					realClient.Write(b[:n])
				}
			case 3, 4:
				story += fmt.Sprintf("read %d; ", n)
				simN, simErr = sim.Read(simFD, b[:n])
				realN, realErr = real.Read(realFD, b[:n])
			case 5:
				story += fmt.Sprintf("write %d; ", n)
				simN, simErr = sim.Write(simFD, b[:n])
				realN, realErr = real.Write(realFD, b[:n])
			case 6:
				if script.below(3) == 0 {
					story += "close write; "
					simErr, realErr = sim.CloseWrite(simFD), real.CloseWrite(realFD)
				}
			case 7:
				if over {
					break
				}
				switch script.below(4) {
				case 0:
					story += "client ends; "
					client.CloseWrite()
					realClient.CloseWrite()
				case 1:
					story += "client resets; "
					over = true
					client.Reset()
					realClient.SetLinger(0)
					realClient.Close()
				}
			}
			require.Equal(t, simErr, realErr, "seed %d: %s", seed, story)
			require.Equal(t, simN, realN, "seed %d: %s", seed, story)

			for sim.Step() {
			}
			want := take(t, simPoller)
			got := take(t, realPoller)
			for try := 0; want&^got != 0 && try < 1000; try++ { // loopback delivers on its own time
				time.Sleep(time.Millisecond)
				got |= take(t, realPoller)
			}
			if client.c.serverEnded {
				// Linux makes an edge too when the peer acknowledges our end: at once, or some moves later. It
				// brings nothing new, but says again what is so.
				want |= got & client.c.ready()
			}
			require.Equal(t, want, got, "seed %d: %s", seed, story)
		}
		require.NoError(t, real.Close(realFD))
		realClient.Close()
		<-reading
		realPoller.Close()
	}
}
