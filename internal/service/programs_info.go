package service

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// ProcessInfo is the answer of supervisor.getProcessInfo. Times are whole seconds since the Epoch, 0 for never.
type ProcessInfo struct {
	Name          string `xmlrpc:"name"`
	Group         string `xmlrpc:"group"`
	Start         int    `xmlrpc:"start"`
	Stop          int    `xmlrpc:"stop"`
	Now           int    `xmlrpc:"now"`
	State         int    `xmlrpc:"state"`
	StateName     string `xmlrpc:"statename"`
	SpawnErr      string `xmlrpc:"spawnerr"`
	ExitStatus    int    `xmlrpc:"exitstatus"`
	LogFile       string `xmlrpc:"logfile"` // StdoutLogFile, for old clients
	StdoutLogFile string `xmlrpc:"stdout_logfile"`
	StderrLogFile string `xmlrpc:"stderr_logfile"`
	PID           int    `xmlrpc:"pid"`
	Description   string `xmlrpc:"description"`
}

func newProcessInfo(i process.Info, now time.Time) ProcessInfo {
	return ProcessInfo{
		Name: i.Name, Group: i.Group, Start: epoch(i.Start), Stop: epoch(i.Stop), Now: epoch(now),
		State: int(i.State), StateName: i.State.String(), SpawnErr: i.SpawnErr, ExitStatus: i.ExitStatus,
		LogFile: i.StdoutLog, StdoutLogFile: i.StdoutLog, StderrLogFile: i.StderrLog, PID: i.PID,
		Description: i.Description(now, time.Local),
	}
}

func epoch(t time.Time) int { return capped(node.Wall(t)) }

// ConfigInfo is one process of the configuration, in the answer of supervisor.getAllConfigInfo. Where XML-RPC has no value for what
// Python has, there are the words "none" and "auto".
type ConfigInfo struct {
	Autostart            bool   `xmlrpc:"autostart"`
	Autorestart          any    `xmlrpc:"autorestart"` // true, false or "unexpected"
	Directory            string `xmlrpc:"directory"`
	UID                  any    `xmlrpc:"uid"` // a number or "none"
	Command              string `xmlrpc:"command"`
	ExitCodes            []int  `xmlrpc:"exitcodes"`
	Group                string `xmlrpc:"group"`
	GroupPriority        int    `xmlrpc:"group_prio"`
	InUse                bool   `xmlrpc:"inuse"`
	KillAsGroup          bool   `xmlrpc:"killasgroup"`
	Name                 string `xmlrpc:"name"`
	Priority             int    `xmlrpc:"process_prio"`
	RedirectStderr       bool   `xmlrpc:"redirect_stderr"`
	StartRetries         int    `xmlrpc:"startretries"`
	StartSecs            int    `xmlrpc:"startsecs"`
	StdoutCaptureBytes   int    `xmlrpc:"stdout_capture_maxbytes"`
	StdoutEventsEnabled  bool   `xmlrpc:"stdout_events_enabled"`
	StdoutLogFile        string `xmlrpc:"stdout_logfile"`
	StdoutLogFileBackups int    `xmlrpc:"stdout_logfile_backups"`
	StdoutLogFileBytes   int    `xmlrpc:"stdout_logfile_maxbytes"`
	StdoutSyslog         bool   `xmlrpc:"stdout_syslog"`
	StopSignal           int    `xmlrpc:"stopsignal"`
	StopWaitSecs         int    `xmlrpc:"stopwaitsecs"`
	StderrCaptureBytes   int    `xmlrpc:"stderr_capture_maxbytes"`
	StderrEventsEnabled  bool   `xmlrpc:"stderr_events_enabled"`
	StderrLogFile        string `xmlrpc:"stderr_logfile"`
	StderrLogFileBackups int    `xmlrpc:"stderr_logfile_backups"`
	StderrLogFileBytes   int    `xmlrpc:"stderr_logfile_maxbytes"`
	StderrSyslog         bool   `xmlrpc:"stderr_syslog"`
	ServerURL            string `xmlrpc:"serverurl"`
}

// newConfigInfo shows a process of a group; active is the process of that name, if there is one.
func newConfigInfo(g supervisor.Configured, s *process.Spec, active process.Info) ConfigInfo {
	c := ConfigInfo{
		Autostart: s.Autostart, Autorestart: autorestart(s.Autorestart), Directory: cmp.Or(s.Directory, "none"), UID: "none",
		Command: s.Command, ExitCodes: s.ExitCodes, Group: g.Name, GroupPriority: g.Priority, InUse: g.InUse,
		KillAsGroup: s.KillAsGroup, Name: s.Name, Priority: s.Priority, RedirectStderr: s.RedirectStderr,
		StartRetries: s.StartRetries, StartSecs: s.StartSecs, StopSignal: int(s.StopSignal), StopWaitSecs: s.StopWaitSecs,
		StdoutCaptureBytes: int(s.Stdout.CaptureBytes), StdoutEventsEnabled: s.Stdout.EventsEnabled,
		StdoutLogFile:        logName(s.Stdout.File, active.StdoutLog),
		StdoutLogFileBackups: s.Stdout.Backups, StdoutLogFileBytes: int(s.Stdout.MaxBytes), StdoutSyslog: s.Stdout.Syslog,
		StderrCaptureBytes: int(s.Stderr.CaptureBytes), StderrEventsEnabled: s.Stderr.EventsEnabled,
		StderrLogFile:        logName(s.Stderr.File, active.StderrLog),
		StderrLogFileBackups: s.Stderr.Backups, StderrLogFileBytes: int(s.Stderr.MaxBytes), StderrSyslog: s.Stderr.Syslog,
		ServerURL: "none",
	}
	if s.UID >= 0 {
		c.UID = s.UID
	}
	if s.ServerURL != "" && !s.AutoServerURL {
		c.ServerURL = s.ServerURL
	}
	return c
}

func autorestart(a process.Autorestart) any {
	if a == process.RestartUnexpected {
		return "unexpected"
	}
	return a == process.RestartAlways
}

// logName is a log file as configured, or for AUTO the one that is used.
func logName(file, used string) string {
	switch file {
	case "":
		return "none"
	case "AUTO":
		return cmp.Or(used, "auto")
	}
	return file
}

// infoMethods returns the rows that only look.
func (p *programs) infoMethods() []rpc.Method {
	return []rpc.Method{
		{Name: "supervisor.getProcessInfo", Doc: "Get information about a process.", Params: []rpc.Param{nameParam},
			Result: rpc.Result{Kind: rpc.Struct, Doc: "information about it", Type: ProcessInfo{}}, Fn: p.getProcessInfo},
		{Name: "supervisor.getAllProcessInfo", Doc: "Get information about all processes, sorted by group and name.", Bulk: true,
			Result: rpc.Result{Kind: rpc.Array, Doc: "information about each", Type: []ProcessInfo(nil)}, Fn: p.getAllProcessInfo},
		{Name: "supervisor.getAllConfigInfo", Doc: "Get the configuration of all processes as it was read last, sorted by name.", Bulk: true,
			Result: rpc.Result{Kind: rpc.Array, Doc: "the configuration of each", Type: []ConfigInfo(nil)}, Fn: p.getAllConfigInfo},
	}
}

func (p *programs) getProcessInfo(_ context.Context, a rpc.Args) (any, error) {
	proc, err := p.sup.Process(process.ParseNamespec(a.String(0)))
	if err != nil {
		return nil, about(a.String(0), err)
	}
	return newProcessInfo(proc.Info, time.Now()), nil
}

func (p *programs) getAllProcessInfo(context.Context, rpc.Args) (any, error) {
	now := time.Now()
	return supervisor.Infos(p.sup, func(i process.Info) ProcessInfo { return newProcessInfo(i, now) }), nil
}

func (p *programs) getAllConfigInfo(context.Context, rpc.Args) (any, error) {
	infos := []ConfigInfo{}
	for _, g := range p.sup.Configured() {
		for _, spec := range g.Specs {
			active, _ := p.sup.Process(process.Namespec{Group: g.Name, Process: spec.Name}) // nothing when it is not active
			infos = append(infos, newConfigInfo(g, spec, active.Info))
		}
	}
	slices.SortStableFunc(infos, func(a, b ConfigInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos, nil
}
