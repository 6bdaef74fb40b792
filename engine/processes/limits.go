package processes

import "time"

// Defaults of Options, and the bounds that are fixed: unit, what happens at the bound.
const (
	// ProcessesMax bounds Options.Processes: refused above.
	ProcessesMax = 256
	// loopsMax bounds Options.Loops: refused above.
	loopsMax = 256
	// GraceDefault is the default of Options.Grace: what runs longer is cut.
	GraceDefault = 30 * time.Second
	// LingerDefault is the default of Options.Linger.
	LingerDefault = time.Second
	// ReadyTimeoutDefault is the default of Options.ReadyTimeout: the worker is killed.
	ReadyTimeoutDefault = 30 * time.Second
	// HeartbeatTimeoutDefault is the default of Options.HeartbeatTimeout: the worker is killed, stacks first.
	HeartbeatTimeoutDefault = 10 * time.Second
	// YoungDefault is the default of Options.Young.
	YoungDefault = 10 * time.Second
	// RespawnMinDefault and RespawnMaxDefault are the defaults of Options.RespawnMin and RespawnMax.
	RespawnMinDefault = 100 * time.Millisecond
	RespawnMaxDefault = 10 * time.Second
	// DeathsMaxDefault is the default of Options.DeathsMax: the master gives up.
	DeathsMaxDefault = 20

	// BroadcastMax bounds a message that Worker.Join sends, with its names, in bytes: dropped above.
	BroadcastMax = 16 << 20
	// BroadcastBacklogMax bounds what waits to be sent by one worker, and what waits for one, in bytes: what comes on top is
	// dropped, and counted (Status.Dropped).
	BroadcastBacklogMax = BroadcastMax + 64

	// tickEvery is how often the master looks at what is due.
	tickEvery = 20 * time.Millisecond
	// masterLate is how late that may be, if half of the heartbeat's timeout is not less, before the time counts against
	// nobody.
	masterLate = time.Second
	// beatEvery is how often a worker says that it is alive, if a quarter of its timeout is not less.
	beatEvery = time.Second
	// startFailure is how long Worker.Serve waits for Server.Serve to fail before it calls the worker ready: what a
	// server refuses it refuses at once.
	startFailure = 50 * time.Millisecond
	// dumpWait is how long a worker that hangs has for its stacks, from SIGQUIT to SIGKILL.
	dumpWait = 2 * time.Second
	// stopApart is the time within which several signals to end are one: there are programs that send one to a process and
	// one to its group.
	stopApart = 250 * time.Millisecond
	// cutWait is how long a worker that was told to cut has to end: SIGKILL after it.
	cutWait = 2 * time.Second
	// drainSlack is what a worker has above Linger and Grace before it is killed: it should have cut by then.
	drainSlack = 2 * time.Second
	// commandTimeout bounds writing a command to a worker that does not read.
	commandTimeout = time.Second
	// messageMax bounds a message from a worker in bytes: the largest carry a profile, which profileBytesMax bounds: refused
	// above. It grows by a third on its way.
	messageMax      = 64 << 20
	profileBytesMax = messageMax / 2
	// broadcastBuffer is what is read at a time of what workers broadcast, in bytes.
	broadcastBuffer = 64 << 10
	// inheritedMax bounds LISTEN_FDS: what a master hands to its successor is a socket for each worker and address.
	inheritedMax = 64 * ProcessesMax
	// adminMax bounds the requests to the admin endpoint that are answered at a time: more wait. adminHeadMax bounds the head
	// of one in bytes, adminTimeout the whole of it, save the time that a profile takes, which profileMax bounds in
	// seconds, as profileNameMax does its name in bytes. adminPause follows an accept that failed.
	adminMax     = 8
	adminHeadMax = 16 << 10
	adminTimeout = 10 * time.Second
	adminPause   = 100 * time.Millisecond
	profileMax   = 300

	profileNameMax = 100
	// dumpMax bounds the stacks of one process in bytes.
	dumpMax = 16 << 20
)
