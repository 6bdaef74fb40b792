package compare

import (
	"context"

	"github.com/peregrine-http/peregrine/cmd/bench/internal/process"
	"github.com/peregrine-http/peregrine/cmd/bench/internal/servers"
)

// startThose starts the servers that a scenario is for and that do not run yet.
func (c *comparison) startThose(ctx context.Context, s scenario, children []*process.Child) (err error) {
	for i, name := range c.servers {
		if children[i] != nil || !c.offers(name, s) {
			continue
		}
		if children[i], err = c.start(ctx, name, s.tls); err != nil {
			return err
		}
	}
	return nil
}

// offers reports whether a server has what a scenario asks for, as far as is known before it is asked.
func (c *comparison) offers(name string, s scenario) bool {
	if c.external(name) != nil {
		return c.externals[externalKey{name, s.tls}] != nil
	}
	return offers(name, s)
}

// start starts a server of either kind.
func (c *comparison) start(ctx context.Context, name string, tls bool) (*process.Child, error) {
	if x := c.externals[externalKey{name, tls}]; x != nil {
		return x.start(ctx, c.procs, c.serverCPUs)
	}
	o, scheme := c.serve, "http"
	if o.TLS = tls; tls {
		scheme = "https"
	}
	return process.Start(ctx, name, scheme, servers.CommandLine(name, o), c.procs, c.serverCPUs)
}

// revive starts a server again that has died.
func (c *comparison) revive(ctx context.Context, children []*process.Child, k int, tls bool) (err error) {
	if !children[k].Gone() {
		return nil
	}
	children[k].Stop()
	children[k], err = c.start(ctx, c.servers[k], tls)
	return err
}

// fresh is a server that has not worked yet.
func (c *comparison) fresh(ctx context.Context, children []*process.Child, i int, tls bool) (ch *process.Child, err error) {
	x := c.externals[externalKey{c.servers[i], tls}]
	switch {
	case x == nil:
		return c.start(ctx, c.servers[i], tls)
	case len(x.command) == 0:
		return children[i], nil
	}
	children[i].Stop()
	children[i], err = c.start(ctx, c.servers[i], tls)
	return children[i], err
}
