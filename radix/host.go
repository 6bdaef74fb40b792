package radix

// StripPort returns a Host field's value without its port, and an IPv6 address with a port without its brackets. What is
// neither name nor address, with or without a port, is returned as it is. It is the rule by which http.ServeMux compares
// hosts.
func StripPort[S ~string | ~[]byte](host S) S {
	colons, last := 0, 0
	for i := range len(host) {
		if host[i] == ':' {
			colons++
			last = i
		}
	}
	if colons == 0 {
		return host
	}
	start, end := 0, last
	if host[0] == '[' {
		start, end = 1, last-1
		if end < start || host[end] != ']' {
			return host
		}
	} else if colons > 1 {
		return host
	}
	for i := start; i < len(host); i++ {
		if (host[i] == '[' || host[i] == ']') && !(start == 1 && i == end) {
			return host
		}
	}
	return host[start:end]
}
