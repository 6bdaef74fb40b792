package processes

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Workers broadcast through their master: a socket to it, on which frames go both ways. The master gives each frame, as
// it is, to all other processes that have joined, a master that takes over included, which has workers of its own.
//
//	length of the rest  4 bytes, big-endian; 0 for the frame by which a process joins, and nothing follows
//	kind                1
//	length of channel   1
//	length of name      2
//	channel, name, data

const (
	frameLength = 4
	frameHead   = 4 // behind the length
)

// appendFrame appends a frame. What does not fit into one is refused.
func appendFrame(to []byte, channel, name string, kind byte, data []byte) ([]byte, bool) {
	size := frameHead + len(channel) + len(name) + len(data)
	if len(channel) > 0xff || len(name) > 0xffff || size > BroadcastMax {
		return to, false
	}
	to = binary.BigEndian.AppendUint32(to, uint32(size))
	to = append(to, kind, byte(len(channel)))
	to = binary.BigEndian.AppendUint16(to, uint16(len(name)))
	to = append(append(to, channel...), name...)
	return append(to, data...), true
}

// readFrame reads a frame, with its length. It is new memory: several queues will have it.
func readFrame(from *bufio.Reader) ([]byte, error) {
	length, err := from.Peek(frameLength)
	if err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size > BroadcastMax || size > 0 && size < frameHead {
		return nil, fmt.Errorf("processes: a broadcast of %d bytes: want at most %d", size, BroadcastMax)
	}
	frame := make([]byte, frameLength+size)
	_, err = io.ReadFull(from, frame)
	return frame, err
}

// parseFrame takes a frame apart. All parts are views into it, which nobody changes.
func parseFrame(frame []byte) (channel, name []byte, kind byte, data []byte, ok bool) {
	rest := frame[frameLength:]
	if len(rest) < frameHead {
		return nil, nil, 0, nil, false
	}
	kind, c, n := rest[0], int(rest[1]), int(binary.BigEndian.Uint16(rest[2:]))
	if rest = rest[frameHead:]; len(rest) < c+n {
		return nil, nil, 0, nil, false
	}
	return rest[:c], rest[c : c+n], kind, rest[c+n:], true
}
