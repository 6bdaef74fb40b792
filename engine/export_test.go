package engine

// InCall reports whether somebody is in a call of x that may wait.
func InCall(x *Exchange) bool { return x.flags.Load()&(flagReads|flagWrites) != 0 }
