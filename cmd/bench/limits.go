package main

// filesOther is the number of descriptors that are set aside for all but connections.
const filesOther = 32

// connsMax is the number of connections that this process may have.
func connsMax() int { return filesMax() - filesOther }
