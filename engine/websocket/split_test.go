package websocket

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/wsproto"
)

// recorded is what a client sends: messages in one frame and in fragments, with control frames between them, and a Close.
func recorded(agreed *wsproto.Params) (session []byte, messages []string) {
	var d *wsproto.Deflater
	if agreed != nil {
		d = wsproto.NewDeflater(wsproto.Client, *agreed, 6)
	}
	key := uint32(0x9e3779b9)
	w := wsproto.NewClientWriter(d, func() uint32 { key *= 2654435761; return key })
	must := func(b []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return b
	}
	long := strings.Repeat("je m'étonne, tu t'étonnes, ", 8)
	b := w.Message(nil, wsproto.Text, []byte("hello"))
	b = w.Message(b, wsproto.Binary, nil)
	b = w.Message(b, wsproto.Text, []byte(long))
	b = must(w.Ping(b, []byte("ping")))
	b = w.Fragment(b, wsproto.Text, false, []byte("one \xe2\x82"))
	b = must(w.Ping(b, nil))
	b = w.Fragment(b, wsproto.Text, false, nil)
	b = must(w.Pong(b, []byte("nobody asked")))
	b = w.Fragment(b, wsproto.Text, true, []byte("\xac two"))
	b = w.Message(b, wsproto.Text, []byte(long))
	b = w.Fragment(b, wsproto.Binary, true, []byte{0, 255})
	b = must(w.Close(b, 4007, "adieu"))
	return b, []string{"1 hello", "2 ", "1 " + long, "1 one € two", "1 " + long, "2 \x00\xff"}
}

// TestSplits cuts a session at every byte, in two places, and into single bytes: what comes of it is always the same.
func TestSplits(t *testing.T) {
	for name, agreed := range map[string]*wsproto.Params{
		"plain":    nil,
		"alone":    {ServerNoContextTakeover: true, ClientNoContextTakeover: true},
		"takeover": {},
	} {
		for _, blocking := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " blocking ", blocking), func(t *testing.T) {
				session, messages := recorded(agreed)
				whole := play(Options{}, blocking, agreed, session)
				require.Equal(t, messages, whole.messages)
				require.Equal(t, played{messages, 4007, "adieu", 1, "", whole.sent, false}, whole)
				require.Equal(t, "\x8a\x04ping\x8a\x00\x88\x02\x0f\xa7", string(whole.sent))
				for i := range session {
					require.Equal(t, whole, play(Options{}, blocking, agreed, session[:i], session[i:]), "cut at %d", i)
					for _, k := range []int{1, 2, 7} {
						j := min(i+k, len(session))
						require.Equal(t, whole, play(Options{}, blocking, agreed, session[:i], session[i:j], session[j:]), "cut at %d and %d", i, j)
					}
					cut := play(Options{}, blocking, agreed, session[:i])
					require.EqualValues(t, wsproto.Abnormal, cut.code, "ends at %d", i)
					require.Equal(t, 1, cut.closes)
				}
				require.Equal(t, whole, play(Options{}, blocking, agreed, bytes.SplitAfter(session, nil)...))
			})
		}
	}
}
