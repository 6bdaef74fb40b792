package httpparse

func slowTextEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= 0x20 && b[i] != 0x7f {
		i++
	}
	return i
}
