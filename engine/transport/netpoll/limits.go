package netpoll

import "errors"

// InputMax bounds what a connection has sent and its handler has not read, in bytes. netpoll reads what there is and cannot
// be told to stop; a connection that is above the bound is cut, with ErrInputMax. What comes while that is being found
// out is in memory for a moment, too.
const InputMax = 16 << 20

// ErrInputMax is what the handler of such a connection gets when it reads.
var ErrInputMax = errors.New("netpoll: more input than InputMax has not been read")

// pieceMax bounds a piece of input, in bytes, that is passed on at once.
const pieceMax = 64 << 10
