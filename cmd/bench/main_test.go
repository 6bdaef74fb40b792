package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/benchtest"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"help", []string{"--help"}, 0, "Usage: bench", ""},
		{"help as a command", []string{"help"}, 0, "Usage: bench", ""},
		{"help of load", []string{"load", "-help"}, 0, "-expect-status", ""},
		{"help of serve", []string{"serve", "-h"}, 0, "net/http", ""},
		{"help of compare", []string{"compare", "--help"}, 0, "conn-per-request  a connection for every request", ""},
		{"unknown command", []string{"lode"}, 2, "", `no command "lode"`},
		{"unknown flag", []string{"-fast"}, 2, "", "-fast"},
		{"load nothing", []string{"load"}, 2, "", "want one URL"},
		{"load two", []string{"load", "http://a/", "http://b/"}, 2, "", "want one URL"},
		{"load no URL", []string{"load", "127.0.0.1:80"}, 2, "", "127.0.0.1:80"},
		{"load ftp", []string{"load", "ftp://127.0.0.1/"}, 2, "", "ftp://127.0.0.1/"},
		{"no connections", []string{"load", "-c", "0", "http://127.0.0.1/"}, 2, "", "-c 0"},
		{"no time", []string{"load", "-d", "0s", "http://127.0.0.1/"}, 2, "", "-d 0s"},
		{"bad header", []string{"load", "-H", "no colon", "http://127.0.0.1/"}, 2, "", `"no colon"`},
		{"bad method", []string{"load", "-method", "G T", "http://127.0.0.1/"}, 2, "", `"G T"`},
		{"missing body file", []string{"load", "-body-file", "/nonexistent/body", "http://127.0.0.1/"}, 1, "", "/nonexistent/body"},
		{"missing body", []string{"load", "-body", "@/nonexistent/body", "http://127.0.0.1/"}, 1, "", "/nonexistent/body"},
		{"two bodies", []string{"load", "-body", "a", "-body-file", "b", "http://127.0.0.1/"}, 2, "", "-body and -body-file"},
		{"missing body, without a name", []string{"load", "-body", "@", "http://127.0.0.1/"}, 1, "", "no such file"},
		{"two expected bodies", []string{"load", "-expect-body", "a", "-expect-body-file", "b", "http://127.0.0.1/"}, 2, "", "-expect-body and -expect-body-file"},
		{"an expected body, or any", []string{"load", "-expect-body", "a", "-any-body", "http://127.0.0.1/"}, 2, "", "-any-body and -expect-body"},
		{"missing expected body", []string{"load", "-expect-body-file", "/nonexistent/body", "http://127.0.0.1/"}, 1, "", "/nonexistent/body"},
		{"no process", []string{"load", "-pid", "-5", "http://127.0.0.1/"}, 2, "", "-pid -5"},
		{"a space in a URL", []string{"load", "http://127.0.0.1/?a b"}, 2, "", "want %20 for a space"},
		{"no rate", []string{"load", "-rate", "0", "http://127.0.0.1/"}, 2, "", "-rate 0"},
		{"a rate that is no number", []string{"load", "-rate", "NaN", "http://127.0.0.1/"}, 2, "", "-rate NaN"},
		{"open loop, pipelined", []string{"load", "-rate", "5", "-pipeline", "2", "http://127.0.0.1/"}, 2, "", "-pipeline 2"},
		{"closed and pipelined", []string{"load", "-close", "-pipeline", "2", "http://127.0.0.1/"}, 2, "", "-pipeline 2"},
		{"mix and a URL", []string{"load", "-url", "1=http://127.0.0.1/", "http://127.0.0.1/"}, 2, "", "want one URL"},
		{"mix without weight", []string{"load", "-url", "http://127.0.0.1/"}, 2, "", "want WEIGHT=URL"},
		{"mix of weight zero", []string{"load", "-url", "0=http://127.0.0.1/"}, 2, "", "want WEIGHT=URL"},
		{"mix of two servers", []string{"load", "-url", "1=http://127.0.0.1/", "-url", "1=http://127.0.0.1:81/"}, 2, "", "of one server"},
		{"unknown server", []string{"serve", "-server", "apache"}, 2, "", `"apache"`},
		{"loops for net/http", []string{"serve", "-server", "net/http", "-loops", "2"}, 2, "", "-loops"},
		{"loops for fasthttp", []string{"serve", "-server", "fasthttp", "-loops", "2"}, 2, "", "-loops means nothing to fasthttp"},
		{"transport for the floor", []string{"serve", "-server", "floor", "-transport", "epoll"}, 2, "", "-transport means nothing to floor"},
		{"negative loops", []string{"serve", "-server", "floor", "-loops", "-1"}, 2, "", "-loops -1"},
		{"serve an argument", []string{"serve", "here"}, 2, "", "here"},
		{"serve nowhere", []string{"serve", "-server", "net/http", "-addr", "256.0.0.1:1"}, 1, "", "256.0.0.1"},
		{"compare unknown servers", []string{"compare", "-servers", "net/http,iis"}, 2, "", `"iis"`},
		{"compare unknown scenarios", []string{"compare", "-scenarios", "fortunes"}, 2, "", `"fortunes"`},
		{"compare json of a raw server", []string{"-servers", "floor,netpoll-raw", "-scenarios", "plaintext,json"}, 2, "", "-scenarios json: floor, netpoll-raw has nothing of the kind"},
		{"compare loops of net/http", []string{"-servers", "net/http,fasthttp", "-loops", "2"}, 2, "", "-loops means nothing to net/http, fasthttp"},
		{"compare by unknown load", []string{"-load", "ab"}, 2, "", `-load "ab"`},
		{"compare with an unknown base", []string{"compare", "-base", "fasthttp"}, 2, "", "-base fasthttp: want one of net/http, adapter"},
		{"compare with nothing external", []string{"compare", "-external", "nginx"}, 2, "", "want NAME=URL"},
		{"compare with one name twice", []string{"compare", "-external", "nbio=http://127.0.0.1/"}, 2, "", "there is a server of that name"},
		{"compare open loops by wrk", []string{"compare", "-scenarios", "open-50", "-load", "wrk"}, 2, "", "wrk has no such load"},
		{"compare TLS by wrk", []string{"compare", "-scenarios", "tls", "-load", "wrk"}, 2, "", "wrk has no such load"},
		{"compare into no folder", []string{"compare", "-json", "/nonexistent/results"}, 1, "", "/nonexistent/results"},
		{"compare in no rounds", []string{"-rounds", "0"}, 2, "", "-rounds 0"},
		{"compare too many idle", []string{"-idle", "15001"}, 2, "", "-idle 15001"},
		{"compare without time", []string{"-d", "-1s"}, 2, "", "-d -1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := benchtest.Run(t.Context(), bench, c.args...)
			require.Equal(t, c.code, code, "%s%s", stdout, stderr)
			require.Contains(t, stdout, c.stdout)
			require.Contains(t, stderr, c.stderr)
		})
	}
}
