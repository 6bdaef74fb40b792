package engine

import (
	"sync/atomic"
	"time"
)

// dateLayout is the preferred form of an HTTP-date (RFC 9110, section 5.6.7).
const dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"

// dateText is a second, written out once for all connections.
type dateText struct {
	sec  int64
	text []byte
}

var lastDate atomic.Pointer[dateText]

// dateAt returns the value of a Date field for the second sec (Unix): a view that nobody writes to again.
func dateAt(sec int64) []byte {
	d := lastDate.Load()
	if d == nil || d.sec != sec {
		d = &dateText{sec, time.Unix(sec, 0).UTC().AppendFormat(make([]byte, 0, len(dateLayout)), dateLayout)}
		lastDate.Store(d)
	}
	return d.text
}
