package wsproto

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDeflateOffers: what a server answers to offers, by what it is willing to do. "" is no extension.
func TestDeflateOffers(t *testing.T) {
	const name = "permessage-deflate"
	all := Params{true, true, 10, 11}
	for _, c := range []struct {
		offers  string
		willing Params
		want    string
	}{
		{"", Params{}, ""},
		{"x-webkit-deflate-frame", Params{}, ""},
		{"Permessage-Deflate", Params{}, ""},
		{name, Params{}, name},
		{name, all, name + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"},
		{"x, " + name, Params{}, name},

		// No context.
		{name + "; server_no_context_takeover", Params{}, name + "; server_no_context_takeover"},
		{name + "; client_no_context_takeover", Params{}, name + "; client_no_context_takeover"},
		{name + "; server_no_context_takeover=1", Params{}, ""},
		{name + "; client_no_context_takeover=true", Params{}, ""},
		{name + "; server_no_context_takeover; server_no_context_takeover", Params{}, ""},
		{name + "; client_no_context_takeover; client_no_context_takeover", Params{}, ""},
		{name, Params{ServerNoContextTakeover: true}, name + "; server_no_context_takeover"},
		{name, Params{ClientNoContextTakeover: true}, name + "; client_no_context_takeover"},

		// The server's window.
		{name + "; server_max_window_bits=8", Params{}, name + "; server_max_window_bits=8"},
		{name + "; server_max_window_bits=15", Params{}, name + "; server_max_window_bits=15"},
		{name + `; server_max_window_bits="12"`, Params{}, name + "; server_max_window_bits=12"},
		{name + "; server_max_window_bits=12", all, name + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"},
		{name + "; server_max_window_bits=9", all, name + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"},
		{name + "; server_max_window_bits", Params{}, ""},
		{name + "; server_max_window_bits=7", Params{}, ""},
		{name + "; server_max_window_bits=16", Params{}, ""},
		{name + "; server_max_window_bits=08", Params{}, ""},
		{name + "; server_max_window_bits=+9", Params{}, ""},
		{name + "; server_max_window_bits=100", Params{}, ""},
		{name + "; server_max_window_bits=9; server_max_window_bits=9", Params{}, ""},

		// The client's.
		{name + "; client_max_window_bits", Params{}, name},
		{name + "; client_max_window_bits=15", Params{}, name},
		{name + "; client_max_window_bits=9", Params{}, name + "; client_max_window_bits=9"},
		{name + "; client_max_window_bits", Params{ClientMaxWindowBits: 11}, name + "; client_max_window_bits=11"},
		{name + "; client_max_window_bits=14", Params{ClientMaxWindowBits: 11}, name + "; client_max_window_bits=11"},
		{name + "; client_max_window_bits=8", Params{ClientMaxWindowBits: 11}, name + "; client_max_window_bits=8"},
		{name, Params{ClientMaxWindowBits: 11}, name},
		{name + "; client_max_window_bits=7", Params{}, ""},
		{name + "; client_max_window_bits=1x", Params{}, ""},
		{name + "; client_max_window_bits; client_max_window_bits=9", Params{}, ""},

		// One after the other.
		{name + "; unknown", Params{}, ""},
		{name + "; unknown, " + name, Params{}, name},
		{name + "; server_max_window_bits=16, " + name + "; server_max_window_bits=9", Params{}, name + "; server_max_window_bits=9"},
		{name + "; server_max_window_bits=9, " + name, Params{}, name + "; server_max_window_bits=9"},
	} {
		o := openingOf(nil)
		if c.offers != "" {
			o.Field([]byte("Sec-WebSocket-Extensions"), []byte(c.offers))
		}
		agreed, ok := o.Deflate(c.willing)
		require.Equal(t, c.want != "", ok, c.offers)
		if ok {
			require.Equal(t, c.want, string(agreed.appendTo(nil, false)), c.offers)
		}
	}
}

type deflateAnswer struct {
	offer  *Params
	wire   string // what the offer looks like
	answer string
	want   error
	agreed *Params
}

func deflateAnswers() []deflateAnswer {
	const name = "permessage-deflate"
	return []deflateAnswer{
		{nil, "", "", nil, nil},
		{nil, "", name, ErrAnswerExt, nil},
		{&Params{}, name, "", nil, nil},
		{&Params{}, name, name, nil, &Params{}},
		{&Params{}, name, name + ", " + name, ErrAnswerExt, nil},
		{&Params{}, name, "other", ErrAnswerExt, nil},
		{&Params{}, name, name + "; x", ErrAnswerParams, nil},
		{&Params{}, name, name + " x", ErrAnswerExt, nil},
		{&Params{}, name, name + "; server_no_context_takeover; client_no_context_takeover", nil, &Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}},
		{&Params{}, name, name + "; server_max_window_bits=9", nil, &Params{ServerMaxWindowBits: 9}},
		{&Params{}, name, name + "; client_max_window_bits=9", ErrAnswerParams, nil},
		{&Params{ServerNoContextTakeover: true}, name + "; server_no_context_takeover", name, ErrAnswerParams, nil},
		{&Params{ServerMaxWindowBits: 10}, name + "; server_max_window_bits=10", name, ErrAnswerParams, nil},
		{&Params{ServerMaxWindowBits: 10}, name + "; server_max_window_bits=10", name + "; server_max_window_bits=11", ErrAnswerParams, nil},
		{&Params{ServerMaxWindowBits: 10}, name + "; server_max_window_bits=10", name + "; server_max_window_bits=9", nil, &Params{ServerMaxWindowBits: 9}},
		{&Params{ClientMaxWindowBits: 15}, name + "; client_max_window_bits", name + "; client_max_window_bits=15", nil, &Params{ClientMaxWindowBits: 15}},
		{&Params{ClientMaxWindowBits: 15}, name + "; client_max_window_bits", name + "; client_max_window_bits", ErrAnswerParams, nil},
		{&Params{ClientMaxWindowBits: 12}, name + "; client_max_window_bits=12", name + "; client_max_window_bits=13", ErrAnswerParams, nil},
		{&Params{ClientMaxWindowBits: 12}, name + "; client_max_window_bits=12", name + "; client_max_window_bits=8", nil, &Params{ClientMaxWindowBits: 8}},
		{&Params{ClientNoContextTakeover: true}, name + "; client_no_context_takeover", name, nil, &Params{}},
	}
}

// TestDeflateAnswers: which answers a client takes.
func TestDeflateAnswers(t *testing.T) {
	for _, c := range deflateAnswers() {
		q := Request{Target: "/", Host: "h", Deflate: c.offer}
		head := string(q.Append(nil, [16]byte{}))
		if c.offer != nil {
			require.Contains(t, head, "Sec-WebSocket-Extensions: "+c.wire+"\r\n")
		} else {
			require.NotContains(t, head, "Extensions")
		}
		a := answerOf(answerTo(&q))
		if c.answer != "" {
			a.Field([]byte("Sec-WebSocket-Extensions"), []byte(c.answer))
		}
		_, agreed, err := a.Check(&q, 101)
		if c.want != nil {
			require.Equal(t, c.want, err, c.answer)
			continue
		}
		require.NoError(t, err, c.answer)
		require.Equal(t, c.agreed, agreed, c.answer)
	}
}

func answerTo(q *Request) [][2]string {
	return [][2]string{{"Upgrade", "WebSocket"}, {"Connection", "upgrade"}, {"Sec-WebSocket-Accept", string(AppendAccept(nil, q.key[:]))}}
}

// TestEveryPairAgrees: whatever a client offers and a server is willing to do, the client takes the answer.
func TestEveryPairAgrees(t *testing.T) {
	var each []Params
	for _, no := range []bool{false, true} {
		for _, s := range []int{0, 8, 12, 15} {
			for _, c := range []int{0, 8, 12, 15} {
				each = append(each, Params{no, no, s, c}, Params{!no, no, s, c})
			}
		}
	}
	for _, offer := range each {
		for _, willing := range each {
			o := openingOf([][2]string{{"Sec-WebSocket-Extensions", string(offer.appendTo(nil, true))}})
			agreed, ok := o.Deflate(willing)
			require.True(t, ok)
			require.True(t, offer.agrees(agreed), "%+v and %+v: %+v", offer, willing, agreed)
			var read Params
			var s = scanner{rest: agreed.appendTo(nil, false)}
			_, params := s.element(nil)
			require.True(t, read.read(params, false))
			require.Equal(t, agreed, read)
		}
	}
}
