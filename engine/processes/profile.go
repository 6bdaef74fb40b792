package processes

import (
	"bytes"
	"fmt"
	"net/url"
	"runtime/pprof"
	"time"
)

// commandProfile is followed by a number for the answer, seconds, and the name of the profile.
const commandProfile = "profile"

// profile is a worker's answer to commandProfile.
type profile struct {
	ID   uint64
	Data []byte `json:",omitempty"`
	Bad  string `json:",omitempty"` // why there is none
}

// profile obeys commandProfile.
func (w *Worker) profile(command string) {
	var p profile
	var seconds int
	var name string
	fmt.Sscanf(command, commandProfile+" %d %d %s", &p.ID, &seconds, &name)
	name, _ = url.PathUnescape(name)
	var out bytes.Buffer
	if name == "profile" {
		if err := pprof.StartCPUProfile(&out); err != nil {
			p.Bad = err.Error()
		} else {
			time.Sleep(time.Duration(seconds) * time.Second)
			pprof.StopCPUProfile()
		}
	} else if found := pprof.Lookup(name); found == nil {
		p.Bad = fmt.Sprintf("no profile %q: want profile, heap, allocs, goroutine, block, mutex or threadcreate", name)
	} else if err := found.WriteTo(&out, 0); err != nil {
		p.Bad = err.Error()
	}
	if p.Data = out.Bytes(); len(p.Data) > profileBytesMax {
		p.Data, p.Bad = nil, fmt.Sprintf("the profile has %d bytes: at most %d can be passed on", len(p.Data), profileBytesMax)
	}
	w.up.say(message{Profile: &p})
}

// profiled hands a profile to who has asked for it.
func (m *master) profiled(p *profile) {
	answer := m.asked[p.ID]
	delete(m.asked, p.ID)
	switch {
	case answer == nil: // too late
	case p.Bad != "":
		answer <- text(404, "%s", p.Bad)
	default:
		answer <- reply{200, "application/octet-stream", p.Data}
	}
}
