package netpoll

// InputMax bounds what a connection has sent and its handler has not read, in bytes. netpoll reads what there is and cannot
// be told to stop; a connection that is above the bound is cut, with ErrInputMax.
const InputMax = 16 << 20
