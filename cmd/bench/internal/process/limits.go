package process

// filesOther is the number of descriptors that are set aside for all but connections.
const filesOther = 32

// ConnectionsMax is the number of connections that this process may have.
func ConnectionsMax() int { return filesMax() - filesOther }
