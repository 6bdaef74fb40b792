package netio

import (
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a turn of a loop is made of. Run with -cpu 1,2: parking costs most where the only P has to look for other work.

func BenchmarkGosched(b *testing.B) {
	for b.Loop() {
		runtime.Gosched()
	}
}

func BenchmarkWaitEmpty(b *testing.B) {
	p := systemPoller(b)
	events := make([]Event, 64)
	for b.Loop() {
		p.Wait(events, false)
	}
}

// BenchmarkWaitOne: a byte arrives, its event is taken, parked or not, and the byte read.
func BenchmarkWaitOne(b *testing.B) {
	for _, park := range []bool{false, true} {
		b.Run(map[bool]string{false: "zero", true: "park"}[park], func(b *testing.B) {
			k, p := systemKernel(b), systemPoller(b)
			fd, c := pair(b, "tcp4")
			peer, _ := ConnFD(c)
			p.Add(fd, 1)
			events, buf := make([]Event, 64), make([]byte, 64)
			p.Wait(events, true)
			for b.Loop() {
				k.Write(peer, buf[:1])
				p.Wait(events, park)
				k.Read(fd, buf)
			}
			k.Close(fd)
		})
	}
}

func BenchmarkWake(b *testing.B) {
	b.Run("first", func(b *testing.B) { // and the Wait that takes it, which does not park
		p := systemPoller(b)
		events := make([]Event, 64)
		for b.Loop() {
			p.Wake()
			p.Wait(events, true)
		}
	})
	b.Run("again", func(b *testing.B) {
		p := systemPoller(b)
		for b.Loop() {
			p.Wake()
		}
	})
}

// BenchmarkParkWake: one goroutine parks, another wakes it and waits to be told: two hand-overs, one by channel.
func BenchmarkParkWake(b *testing.B) {
	p := systemPoller(b)
	woken := make(chan bool)
	go func() {
		events := make([]Event, 64)
		for {
			if _, err := p.Wait(events, true); err != nil {
				close(woken)
				return
			}
			woken <- true
		}
	}()
	for b.Loop() {
		p.Wake()
		<-woken
	}
	p.Close()
	for range woken {
	}
}

func BenchmarkCycle(b *testing.B) {
	p := systemPoller(b)
	for b.Loop() {
		p.Cycle()
	}
}

// BenchmarkRead is a read that finds nothing, raw and told to the scheduler: why this package uses unsafe.
func BenchmarkRead(b *testing.B) {
	k := systemKernel(b)
	fd, _ := pair(b, "tcp4")
	buf := make([]byte, 64)
	b.Run("raw", func(b *testing.B) {
		for b.Loop() {
			k.Read(fd, buf)
		}
	})
	b.Run("scheduler", func(b *testing.B) {
		for b.Loop() {
			unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
				unix.MSG_DONTWAIT, 0, 0)
		}
	})
	k.Close(fd)
}
