package service

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// mixed are programs of every fate.
const mixed = `
[program:cat]
command=PLAY cat
startsecs=0
[program:gone]
command=/no/such/thing
autostart=false
[program:manual]
command=PLAY idle
autostart=false
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:quits]
command=PLAY exit 3
autostart=false
startretries=0
[program:pair]
command=PLAY idle
process_name=%(program_name)s_%(process_num)02d
numprocs=2
startsecs=0
[program:plain]
command=DIR/plain.txt
autostart=false
`

func mixedDaemon(t *testing.T) *daemon {
	t.Helper()
	d := newDaemon(t, mixed, nil)
	d.sup.Write("plain.txt", "not executable")
	for _, name := range []string{"cat", "pair:pair_00", "pair:pair_01"} {
		d.sup.Wait(name, process.Running)
	}
	return d
}

func TestDaemonRows(t *testing.T) {
	d := newDaemon(t, "", nil)
	state := rpc.Map{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}}
	for method, want := range map[string]any{
		"getAPIVersion": "3.0", "getVersion": "3.0", "getSupervisorVersion": "4.3.0", "getIdentification": "tester",
		"getPID": 4711, "getState": state, "getAllProcessInfo": []any{}, "getAllConfigInfo": []any{},
		"startAllProcesses": []any{}, "stopAllProcesses": []any{}, "clearAllProcessLogs": []any{},
	} {
		d.want(want, "supervisor."+method)
	}
}

func TestSendRemoteCommEvent(t *testing.T) {
	d := newDaemon(t, "", nil)
	sub := d.sup.Bus.Subscribe(1, event.TypeRemoteCommunication)
	defer sub.Close()
	d.want(true, "supervisor.sendRemoteCommEvent", "kind", "dätä")
	n := <-sub.C
	if ev := n.Event.(event.RemoteCommunication); ev.Kind != "kind" || ev.Data != "dätä" {
		t.Errorf("got %+v", ev)
	}
}

// The end of the daemon is asked for once; everything is refused from then on, but a shutdown still overrides a restart inside.
func TestShutdownState(t *testing.T) {
	for method, state := range map[string]supervisor.State{"shutdown": supervisor.Shutdown, "restart": supervisor.Restarting} {
		d := newDaemon(t, mixed, nil)
		d.want(true, "supervisor."+method)
		select {
		case <-d.sup.Ending():
		default:
			t.Errorf("%s: nobody is told", method)
		}
		if d.sup.State() != state {
			t.Errorf("%s: state is %s", method, d.sup.State())
		}
		for _, name := range d.table.Names() {
			m, _ := d.table.Lookup(name)
			if strings.HasPrefix(name, "supervisor.") {
				d.wantFault(rpc.ShutdownState, "SHUTDOWN_STATE", name, arguments(m)...)
			}
		}
		if _, err := d.call("system.listMethods"); err != nil {
			t.Errorf("system.listMethods: %v", err)
		}
	}
}

// members returns the names of the members of a struct, in their order.
func members(t *testing.T, v any) []string {
	t.Helper()
	m, ok := v.(rpc.Map)
	if !ok {
		t.Fatalf("%#v is no struct", v)
	}
	var names []string
	for _, member := range m {
		names = append(names, member.Name)
	}
	return names
}

func get(t *testing.T, v any, name string) any {
	t.Helper()
	value, ok := v.(rpc.Map).Get(name)
	if !ok {
		t.Fatalf("no member %s in %#v", name, v)
	}
	return value
}

func TestProcessInfo(t *testing.T) {
	d := mixedDaemon(t)
	info, err := d.call("supervisor.getProcessInfo", "cat")
	if err != nil {
		t.Fatal(err)
	}
	want := "name group start stop now state statename spawnerr exitstatus logfile stdout_logfile stderr_logfile pid description"
	if got := strings.Join(members(t, info), " "); got != want {
		t.Errorf("members:\n got %s\nwant %s", got, want)
	}
	running := d.sup.Wait("cat", process.Running)
	now := get(t, info, "now").(int)
	if age := time.Since(time.Unix(int64(now), 0)); age < 0 || age > 5*time.Second {
		t.Errorf("now is %v ago", age)
	}
	log := get(t, info, "logfile").(string)
	if !regexp.MustCompile(`^` + d.sup.Path("logs/cat-stdout---tester-") + `\d+\.log$`).MatchString(log) {
		t.Errorf("logfile is %s", log)
	}
	description := get(t, info, "description").(string)
	if !regexp.MustCompile(fmt.Sprintf(`^pid %d, uptime 0:00:\d\d$`, running.PID)).MatchString(description) {
		t.Errorf("description is %q", description)
	}
	if start := get(t, info, "start"); start != int(running.Start.Unix()) {
		t.Errorf("start is %v, not %v", start, running.Start)
	}
	for name, want := range map[string]any{"name": "cat", "group": "cat", "stop": 0, "state": 20, "statename": "RUNNING", "spawnerr": "",
		"exitstatus": 0, "stdout_logfile": log, "pid": running.PID} {
		if got := get(t, info, name); got != want {
			t.Errorf("%s is %#v, want %#v", name, got, want)
		}
	}
	stopped, _ := d.call("supervisor.getProcessInfo", "manual:manual")
	for name, want := range map[string]any{"start": 0, "stop": 0, "state": 0, "statename": "STOPPED", "logfile": "", "stdout_logfile": "",
		"stderr_logfile": "", "pid": 0, "description": "Not started"} {
		if got := get(t, stopped, name); got != want {
			t.Errorf("manual: %s is %#v, want %#v", name, got, want)
		}
	}
}

func TestProcessInfoAfterAnExit(t *testing.T) {
	d := newDaemon(t, "[program:p]\ncommand=PLAY exit 3\nstartsecs=0\nautorestart=false\n", nil)
	exited := d.sup.Wait("p", process.Exited)
	info, _ := d.call("supervisor.getProcessInfo", "p")
	for name, want := range map[string]any{"statename": "EXITED", "exitstatus": 3, "pid": 0, "stop": int(exited.Stop.Unix()),
		"description": exited.Stop.Local().Format("Jan 02 03:04 PM")} {
		if got := get(t, info, name); got != want {
			t.Errorf("%s is %#v, want %#v", name, got, want)
		}
	}
}

func TestAllProcessInfoIsSorted(t *testing.T) {
	d := newDaemon(t, "[group:z]\nprograms=b,a\n[program:a]\ncommand=PLAY idle\nautostart=false\npriority=9\n"+
		"[program:b]\ncommand=PLAY idle\nautostart=false\npriority=1\n[program:c]\ncommand=PLAY idle\nautostart=false\n", nil)
	all, _ := d.call("supervisor.getAllProcessInfo")
	var names []string
	for _, info := range all.([]any) {
		names = append(names, fmt.Sprint(get(t, info, "group"), ":", get(t, info, "name")))
	}
	if got := strings.Join(names, " "); got != "c:c z:a z:b" {
		t.Errorf("got %s", got)
	}
}

func TestConfigInfo(t *testing.T) {
	d := newDaemon(t, `
[program:plain]
command=/bin/cat x y
autostart=false
stdout_logfile=NONE
stderr_logfile=NONE
[program:own]
command=/bin/cat
autostart=false
autorestart=true
user=root
directory=/tmp
exitcodes=0,2
priority=5
startretries=4
startsecs=6
stopsignal=QUIT
stopwaitsecs=7
stopasgroup=true
redirect_stderr=true
stdout_logfile=DIR/own.log
stdout_logfile_maxbytes=1KB
stdout_logfile_backups=2
stdout_capture_maxbytes=3KB
stdout_events_enabled=true
stdout_syslog=true
serverurl=http://host:1
[group:g]
programs=own
priority=8
`, nil)
	defaults := ConfigInfo{Autorestart: "unexpected", Directory: "none", UID: "none", Command: "/bin/cat x y", ExitCodes: []int{0},
		Group: "plain", GroupPriority: 999, InUse: true, Name: "plain", Priority: 999, StartRetries: 3, StartSecs: 1,
		StdoutLogFile: "none", StdoutLogFileBackups: 10, StdoutLogFileBytes: 50 << 20, StopSignal: 15, StopWaitSecs: 10,
		StderrLogFile: "none", StderrLogFileBackups: 10, StderrLogFileBytes: 50 << 20, ServerURL: "none"}
	own := ConfigInfo{Autorestart: true, Directory: "/tmp", UID: 0, Command: "/bin/cat", ExitCodes: []int{0, 2}, Group: "g",
		GroupPriority: 8, InUse: true, KillAsGroup: true, Name: "own", Priority: 5, RedirectStderr: true, StartRetries: 4, StartSecs: 6,
		StdoutCaptureBytes: 3 << 10, StdoutEventsEnabled: true, StdoutLogFile: d.sup.Path("own.log"), StdoutLogFileBackups: 2,
		StdoutLogFileBytes: 1 << 10, StdoutSyslog: true, StopSignal: 3, StopWaitSecs: 7, StderrLogFile: "none",
		StderrLogFileBackups: 10, StderrLogFileBytes: 50 << 20, ServerURL: "http://host:1"}
	var got []ConfigInfo
	if err := d.client.Call(t.Context(), "supervisor.getAllConfigInfo", &got); err != nil {
		t.Fatal(err)
	}
	if want := []ConfigInfo{own, defaults}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	all, _ := d.call("supervisor.getAllConfigInfo")
	want := "autostart autorestart directory uid command exitcodes group group_prio inuse killasgroup name process_prio redirect_stderr " +
		"startretries startsecs stdout_capture_maxbytes stdout_events_enabled stdout_logfile stdout_logfile_backups " +
		"stdout_logfile_maxbytes stdout_syslog stopsignal stopwaitsecs stderr_capture_maxbytes stderr_events_enabled stderr_logfile " +
		"stderr_logfile_backups stderr_logfile_maxbytes stderr_syslog serverurl"
	if names := strings.Join(members(t, all.([]any)[0]), " "); names != want {
		t.Errorf("members:\n got %s\nwant %s", names, want)
	}
}

// What is configured but not active yet, and automatic log files with and without a file.
func TestConfigInfoOfNewGroups(t *testing.T) {
	d := newDaemon(t, "[program:b]\ncommand=/bin/cat\nautostart=false\nautorestart=false\n", nil)
	d.sup.Configure("[program:b]\ncommand=/bin/cat\nautostart=false\nautorestart=false\n[program:a]\ncommand=/bin/cat\nserverurl=AUTO\n")
	d.want([]any{[]any{[]any{"a"}, []any{}, []any{}}}, "supervisor.reloadConfig")
	all, _ := d.call("supervisor.getAllConfigInfo")
	a, b := all.([]any)[0], all.([]any)[1]
	info, _ := d.call("supervisor.getProcessInfo", "b")
	for _, c := range []struct {
		of   any
		name string
		want any
	}{
		{a, "name", "a"}, {a, "inuse", false}, {a, "stdout_logfile", "auto"}, {a, "autorestart", "unexpected"}, {a, "serverurl", "none"},
		{b, "name", "b"}, {b, "inuse", true}, {b, "stdout_logfile", get(t, info, "logfile")}, {b, "autorestart", false},
	} {
		if got := get(t, c.of, c.name); got != c.want {
			t.Errorf("%s is %#v, want %#v", c.name, got, c.want)
		}
	}
}

func TestGroups(t *testing.T) {
	d := newDaemon(t, "[program:old]\ncommand=PLAY idle\nstartsecs=0\n[program:same]\ncommand=PLAY idle\nautostart=false\n", nil)
	d.want([]any{[]any{[]any{}, []any{}, []any{}}}, "supervisor.reloadConfig")
	d.sup.Configure("[program:new]\ncommand=PLAY idle\nstartsecs=0\n[program:same]\ncommand=PLAY idle\nautostart=false\npriority=3\n")
	d.want([]any{[]any{[]any{"new"}, []any{"same"}, []any{"old"}}}, "supervisor.reloadConfig")

	d.wantFault(rpc.BadName, "BAD_NAME: nothing", "supervisor.addProcessGroup", "nothing")
	d.wantFault(rpc.AlreadyAdded, "ALREADY_ADDED: same", "supervisor.addProcessGroup", "same")
	d.want(true, "supervisor.addProcessGroup", "new")
	d.sup.Wait("new", process.Running)

	d.sup.Wait("old", process.Running)
	d.wantFault(rpc.StillRunning, "STILL_RUNNING: old", "supervisor.removeProcessGroup", "old")
	d.wantFault(rpc.BadName, "BAD_NAME: nothing", "supervisor.removeProcessGroup", "nothing")
	d.want(true, "supervisor.stopProcess", "old")
	d.want(true, "supervisor.removeProcessGroup", "old")
	d.wantFault(rpc.BadName, "BAD_NAME: old", "supervisor.getProcessInfo", "old")

	d.sup.Write("supervisord.conf", "[supervisord]\n[program:p]\n")
	d.wantFault(rpc.CantReread, "CANT_REREAD: program section program:p does not specify a command in section 'program:p' (file: '"+
		d.sup.Path("supervisord.conf")+"')", "supervisor.reloadConfig")
	if err := os.Remove(d.sup.Path("supervisord.conf")); err != nil {
		t.Fatal(err)
	}
	d.wantFault(rpc.CantReread, "CANT_REREAD: could not find config file "+d.sup.Path("supervisord.conf"), "supervisor.reloadConfig")
}

func TestNames(t *testing.T) {
	d := mixedDaemon(t)
	for _, method := range []string{"getProcessInfo", "clearProcessLogs", "clearProcessLog"} {
		for _, name := range []string{"nothing", "pair", "pair:", "pair:*", "pair_00", "pair:nothing", "nothing:*", "", ":", "*", "ä<&>"} {
			d.wantFault(rpc.BadName, "BAD_NAME: "+name, "supervisor."+method, name)
		}
	}
	for _, method := range []string{"startProcess", "stopProcess"} {
		for _, name := range []string{"nothing", "pair", "pair_00", "pair:nothing", "nothing:*", "nothing:", "", ":", "*"} {
			d.wantFault(rpc.BadName, "BAD_NAME: "+name, "supervisor."+method, name)
			d.wantFault(rpc.BadName, "BAD_NAME: "+name, "supervisor.signalProcess", name, "FOO")
			d.wantFault(rpc.BadName, "BAD_NAME: "+name, "supervisor.sendProcessStdin", name, "x")
		}
	}
	for _, method := range []string{"startProcessGroup", "stopProcessGroup"} {
		d.wantFault(rpc.BadName, "BAD_NAME: nothing", "supervisor."+method, "nothing")
	}
	d.wantFault(rpc.BadName, "BAD_NAME: nothing", "supervisor.signalProcessGroup", "nothing", "FOO")
}
