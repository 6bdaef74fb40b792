//go:build poison

package transport

const poisoned = true

// poison makes a view that outlived its buffer visible: no request looks like this.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
