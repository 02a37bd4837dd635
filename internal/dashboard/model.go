package dashboard

// The documents that a page reads. Times are seconds since the Epoch, 0 for never; nodes are named by their identifiers. Lists are
// never null.

// Snapshot is all that a page shows of the cluster at one moment.
type Snapshot struct {
	Now          float64       `json:"now"`
	Cluster      Cluster       `json:"cluster"`
	Nodes        []Node        `json:"nodes"`        // in the order of supvisors_list, then of their discovery
	Applications []Application `json:"applications"` // sorted by name
	Jobs         []Job         `json:"jobs"`         // oldest first
	Moments      []Moment      `json:"moments"`      // the latest ones, oldest first
}

// Change is what became different since the snapshot or the change before: whole objects that take the place of the old ones.
type Change struct {
	Now          float64       `json:"now"`
	Cluster      *Cluster      `json:"cluster,omitempty"`
	Nodes        []Node        `json:"nodes,omitempty"`
	Applications []Application `json:"applications,omitempty"`
	Gone         []string      `json:"gone,omitempty"` // names of applications that are not configured any more
}

// Cluster is what holds for all nodes.
type Cluster struct {
	Name         string `json:"name"`      // software_name
	Icon         string `json:"icon"`      // path of software_icon, "" for none
	Version      string `json:"version"`   // of the daemon that answers
	Clustered    bool   `json:"clustered"` // false for a Supervisor alone
	Self         string `json:"self"`      // the node that answers
	State        string `json:"state"`     // of the state machine, or RUNNING, RESTARTING, SHUTDOWN of a Supervisor alone
	Master       string `json:"master"`    // "" for none
	Term         uint64 `json:"term"`
	Starting     string `json:"starting_strategy"`
	Conciliation string `json:"conciliation_strategy"`
	Failure      string `json:"supvisors_failure_strategy"`
}

// Node is one instance of the cluster.
type Node struct {
	ID       string   `json:"id"`
	Nick     string   `json:"nick"`
	Host     string   `json:"host"`
	Port     int      `json:"port"`
	State    string   `json:"state"`    // RUNNING, FAILED, ISOLATED …
	Standing string   `json:"standing"` // SERVING, RESERVED, DRAINED …
	Since    float64  `json:"since"`    // when it came into its state, as the node that answers saw it
	Tick     float64  `json:"tick"`     // its clock at its last tick
	Load     int      `json:"load"`     // expected load in percent
	Starting bool     `json:"starting"` // it has starts in progress
	Stopping bool     `json:"stopping"`
	Failure  bool     `json:"failure"` // a process has ended there in a way that nobody wanted
	Locks    []string `json:"locks"`   // applications that hold their update lock there
	Core     bool     `json:"core"`
	Stereos  []string `json:"stereotypes"`
	// Held is what was up there when the node was lost, as namespecs; empty while it is there.
	Held []string `json:"held"`
	// Missed is why it was lost, "" while it is there.
	Missed string `json:"missed"`
}

// Application is a group of processes with what the rules say of it.
type Application struct {
	Name     string  `json:"name"`
	Managed  bool    `json:"managed"` // the rules know of it
	State    string  `json:"state"`
	Since    float64 `json:"since"`
	Major    bool    `json:"major"`
	Minor    bool    `json:"minor"`
	Formula  string  `json:"formula"`  // of the operational status, "" for none
	Verdict  string  `json:"verdict"`  // why the status is what it is, in a sentence
	Strategy string  `json:"strategy"` // starting_strategy
	Spread   string  `json:"spread"`   // distribution
	Start    int     `json:"start"`    // start_sequence
	Stop     int     `json:"stop"`     // stop_sequence
	// OnFailure is the starting_failure_strategy, OnCrash the running_failure_strategy.
	OnFailure string    `json:"starting_failure_strategy"`
	OnCrash   string    `json:"running_failure_strategy"`
	Processes []Process `json:"processes"` // sorted by name
}

// Process is one process of the cluster.
type Process struct {
	Name     string   `json:"name"`     // "group:process", the process alone where both are the same
	Process  string   `json:"process"`  // without its group
	Program  string   `json:"program"`  // what is enabled and disabled
	State    string   `json:"state"`    // the one to show
	Real     string   `json:"real"`     // what the nodes say
	Why      string   `json:"why"`      // a sentence: pid and uptime are not in it, failures are
	Where    string   `json:"where"`    // the node that matters: where it is up, else where it was last; "" for nowhere yet
	On       []string `json:"on"`       // where it is up; more than one is a conflict
	Conflict bool     `json:"conflict"` // up more than once in a managed application
	Crashed  bool     `json:"crashed"`  // it ended in a way that nobody wanted, and has not been stopped or started by anybody since
	Starts   int      `json:"starts"`   // how often this node has seen it come up
	Args     string   `json:"extra_args"`
	Load     int      `json:"load"` // expected_loading in percent
	Start    int      `json:"start"`
	Stop     int      `json:"stop"`
	Required bool     `json:"required"`
	WaitExit bool     `json:"wait_exit"`
	Allowed  []string `json:"allowed"` // nodes where the rules let it run, "*" for all
	// OnFailure is the starting_failure_strategy, OnCrash the running_failure_strategy.
	OnFailure string `json:"starting_failure_strategy"`
	OnCrash   string `json:"running_failure_strategy"`
	At        []Copy `json:"at"` // each node that has it configured
}

// Copy is a process as one node has it.
type Copy struct {
	Node     string  `json:"node"`
	State    string  `json:"state"`
	PID      int     `json:"pid"`
	Started  float64 `json:"started"`
	Stopped  float64 `json:"stopped"`
	Expected bool    `json:"expected"` // its last end was one that was wanted
	Error    string  `json:"error"`    // why it could not be started
	How      string  `json:"how"`      // how its last child ended: "exit status 3"
	Disabled bool    `json:"disabled"`
	Stdout   bool    `json:"stdout"` // it has a log
	Stderr   bool    `json:"stderr"`
}

// Moment is one entry of the timeline.
type Moment struct {
	ID   uint64  `json:"id"`
	Time float64 `json:"time"`
	// Kind is what it is about: cluster, node, application, process, job, conflict or configuration.
	Kind    string `json:"kind"`
	Level   string `json:"level"`   // info, good, warn or bad
	Text    string `json:"text"`    // a sentence that begins with its object
	Node    string `json:"node"`    // "" where it does not matter, like the next ones
	App     string `json:"app"`     // name of an application
	Process string `json:"process"` // namespec
	User    string `json:"user"`    // who wanted it, with the address
}

// JobRequest asks for something to be done.
type JobRequest struct {
	// Action is start, stop, restart or signal of a process; start_application, stop_application or restart_application; start_group,
	// stop_group or restart_group of a node; start_all, stop_all, restart_node, shutdown_node of a node; clear of the logs of a process;
	// enable or disable of a program; conciliate, keep or stop_copy of a conflict; update (reread, then add, remove and restart groups)
	// of a node; restart_sequence, restart_cluster, shutdown_cluster or end_sync of the cluster.
	Action string `json:"action"`
	// Target is a namespec, the name of an application, group or program, "" for node and cluster.
	Target string `json:"target"`
	// Node is where; "" leaves it to the rules.
	Node     string `json:"node"`
	Strategy string `json:"strategy"` // starting or conciliation strategy; "" is that of the rules
	Args     string `json:"args"`     // extra arguments of a start
	Signal   string `json:"signal"`
}

// Job is something that was asked for, and what became of it.
type Job struct {
	ID uint64 `json:"id"`
	JobRequest
	User  string  `json:"user"` // who, with the address
	Began float64 `json:"began"`
	Ended float64 `json:"ended"` // 0 while it runs
	// State is running, done or failed.
	State string `json:"state"`
	// Text is what came of it, in a sentence; while it runs, what is waited for.
	Text string `json:"text"`
	// Tail are the last lines that a process wrote to stderr before its start failed.
	Tail string `json:"tail"`
}

// Sequence is the start or the stop of an application as it went.
type Sequence struct {
	App   string  `json:"app"`
	Kind  string  `json:"kind"` // start or stop
	Began float64 `json:"began"`
	Ended float64 `json:"ended"` // 0 while it goes on
	Steps []Step  `json:"steps"` // in the order of their beginning
}

// Step is one process in a Sequence.
type Step struct {
	Process string  `json:"process"`
	Number  int     `json:"number"` // in the start or stop sequence, 0 for none
	Node    string  `json:"node"`
	Began   float64 `json:"began"` // 0 while it waits
	Ended   float64 `json:"ended"` // when it came into its last state
	State   string  `json:"state"`
	Text    string  `json:"text"` // why it failed
	Retries int     `json:"retries"`
}

// LogChunk is a piece of a log. Offsets count bytes from the beginning of the file.
type LogChunk struct {
	Node    string `json:"node"`
	Process string `json:"process"` // "" for the log of the daemon
	Channel string `json:"channel"` // stdout, stderr or main
	From    int64  `json:"from"`
	To      int64  `json:"to"`
	Text    string `json:"text"`
	// Rotated is set when the file has begun anew since the chunk before.
	Rotated bool `json:"rotated"`
	// Error is why there is nothing to read.
	Error string `json:"error,omitempty"`
}

// Watching is what a page wants on its stream beside the changes.
type Watching struct {
	Stats []string   `json:"stats"` // nodes whose statistics are wanted, "*" for all
	Logs  []LogWatch `json:"logs"`
}

// LogWatch is a log to follow from an offset on; -1 is its end.
type LogWatch struct {
	Node    string `json:"node"`
	Process string `json:"process"`
	Channel string `json:"channel"`
	Offset  int64  `json:"offset"`
}

// Stats is one sample of a node.
type Stats struct {
	Node      string             `json:"node"`
	Time      float64            `json:"time"`
	CPU       []float64          `json:"cpu"` // percent: the average, then each core
	Memory    float64            `json:"memory"`
	Processes map[string][2]Cell `json:"processes"` // by namespec: processor (percent, of what stats_irix_mode says) and memory (percent)
	Network   map[string][2]Cell `json:"network"`   // received and sent, Kibit/s
	Disk      map[string][2]Cell `json:"disk"`      // read and written, Kibit/s
	Usage     map[string]Cell    `json:"usage"`     // percent of each mount point
}

// Cell is one number of the statistics.
type Cell = float64

// Plan is what would become of a start.
type Plan struct {
	Steps []PlanStep `json:"steps"`
}

// PlanStep is one process of a Plan.
type PlanStep struct {
	Process string     `json:"process"`
	Number  int        `json:"number"`
	State   string     `json:"state"` // RUNNING, EXITED or FATAL
	Node    string     `json:"node"`  // "" for none
	Reason  string     `json:"reason"`
	Scores  []PlanNode `json:"scores"` // each node, in the order of the rules
}

// PlanNode is why a node was chosen or not.
type PlanNode struct {
	Node   string `json:"node"`
	Load   int    `json:"load"`   // of the node before this start
	Reason string `json:"reason"` // why it cannot be, "" when it can
}

// Preview is what a conciliation strategy would do to a conflict.
type Preview struct {
	Process  string   `json:"process"`
	Strategy string   `json:"strategy"`
	Stops    []string `json:"stops"` // nodes
	Keeps    []string `json:"keeps"`
	Then     string   `json:"then"` // what follows, "" for nothing
}
