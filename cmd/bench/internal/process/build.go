package process

import (
	"context"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Build is what was measured.
type Build struct {
	Go       string            `json:"go"`
	Commit   string            `json:"commit,omitempty"`
	Modified bool              `json:"modified,omitempty"` // the tree was not as committed
	Modules  map[string]string `json:"modules,omitempty"`  // versions of the rivals
}

// rivalModules are those whose versions make a difference.
var rivalModules = []string{
	"github.com/valyala/fasthttp", "github.com/cloudwego/hertz", "github.com/cloudwego/netpoll", "github.com/lesismal/nbio",
	"github.com/panjf2000/gnet/v2", "github.com/lxzan/gws", "github.com/gobwas/ws", "github.com/coder/websocket",
	"github.com/gorilla/websocket",
}

// ThisBuild tells what this program was built of. "go run" notes no commit: then git is asked, for up to five seconds.
func ThisBuild() Build {
	b := Build{Go: runtime.Version(), Modules: map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		for _, m := range info.Deps {
			for _, path := range rivalModules {
				if m.Path == path {
					b.Modules[path] = m.Version
				}
			}
		}
	}
	if b.Commit == "" { // "go run" notes none
		b.Commit, b.Modified = treeCommit()
	}
	return b
}

// treeCommit asks git about the working directory.
func treeCommit() (commit string, modified bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "", false
	}
	status, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	return strings.TrimSpace(string(out)), err == nil && len(status) > 0
}
