package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

// peer is a Python script that reads configurations with the installed Supervisor and shows what it understood.
const peer = `
import json, sys, os, socket
from supervisor.options import (ServerOptions, EventListenerPoolConfig, FastCGIGroupConfig)
from supervisor.datatypes import Automatic, RestartUnconditionally, RestartWhenExitUnexpected
from supervisor.events import EventTypes
def plain(v):
    if v is Automatic: return 'AUTO'
    if v is RestartUnconditionally: return 2
    if v is RestartWhenExitUnexpected: return 1
    return v
NAMES = ['name', 'command', 'directory', 'uid', 'umask', 'priority', 'autostart', 'autorestart', 'startsecs', 'startretries', 'exitcodes', 'stopsignal',
    'stopwaitsecs', 'stopasgroup', 'killasgroup', 'redirect_stderr', 'stdout_logfile', 'stdout_logfile_backups', 'stdout_logfile_maxbytes', 'stdout_syslog',
    'stdout_capture_maxbytes', 'stdout_events_enabled', 'stderr_logfile', 'stderr_logfile_backups', 'stderr_logfile_maxbytes', 'stderr_syslog',
    'stderr_capture_maxbytes', 'stderr_events_enabled', 'environment', 'serverurl']
def group(g):
    d = {'name': g.name, 'priority': g.priority, 'processes': [{n: plain(getattr(p, n)) for n in NAMES} for p in g.process_configs]}
    if isinstance(g, EventListenerPoolConfig):
        names = {v: k for k, v in EventTypes.__dict__.items()}
        d['events'] = sorted(names[e] for e in g.pool_events)
        d['buffer'] = g.buffer_size
    if isinstance(g, FastCGIGroupConfig):
        s = g.socket_config
        d['socket'] = [s.url, s.mode if s.url.startswith('unix') else None, list(s.owner) if getattr(s, 'owner', None) else None, s.backlog]
    return d
def read(path):
    o = ServerOptions()
    o.configfile = path
    try:
        o.process_config_file(False)
    except ValueError as e:
        return {'error': str(e)}
    s = o.configroot.supervisord
    servers = [[c['section'], c.get('host'), c.get('port'), c.get('file'), c.get('username'), c.get('password'), c.get('chmod'), c.get('chown')] for c in s.server_configs]
    top = {n: getattr(s, n) for n in ('minfds', 'minprocs', 'directory', 'umask', 'logfile', 'logfile_maxbytes', 'logfile_backups', 'loglevel', 'pidfile',
        'identifier', 'nodaemon', 'silent', 'childlogdir', 'nocleanup', 'strip_ansi', 'environment')}
    return {'groups': [group(g) for g in s.process_group_configs], 'servers': servers, 'top': top, 'warnings': o.parse_warnings, 'infos': o.parse_infos}
json.dump([read(p) for p in json.load(sys.stdin)], sys.stdout)
`

// askPeer returns what the installed Supervisor understands of the configuration files.
func askPeer(t *testing.T, paths []string) []map[string]any {
	t.Helper()
	var program string
	for _, candidate := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), candidate, "-c", "import supervisor.options").Run() == nil {
			program = candidate
		}
	}
	if program == "" {
		t.Skip("no python3 with supervisor is installed, so there is nothing to compare with")
	}
	input, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-X", "utf8", "-W", "ignore", "-c", peer)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var answers []map[string]any
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// shown is a configuration in the form of the peer's answer.
func shown(c *Config) map[string]any {
	groups := []any{}
	for _, g := range c.Groups {
		groups = append(groups, shownGroup(g))
	}
	servers := []any{}
	for _, s := range c.Inet {
		servers = append(servers, []any{s.Section, s.Host, s.Port, nil, noneIfEmpty(s.Username), noneIfEmpty(s.Password), nil, nil})
	}
	for _, s := range c.Unix {
		servers = append(servers, []any{s.Section, nil, nil, s.File, noneIfEmpty(s.Username), noneIfEmpty(s.Password), s.Mode, []any{s.UID, s.GID}})
	}
	d := c.Supervisord
	warnings, infos := []string{}, []string{}
	for _, w := range c.Warnings {
		if !strings.HasPrefix(w.Text, "unknown ") {
			warnings = append(warnings, w.Text)
		}
	}
	for _, file := range c.Included {
		infos = append(infos, `Included extra file "`+file+`" during parsing`)
	}
	return map[string]any{"groups": groups, "servers": servers, "warnings": warnings, "infos": infos, "top": map[string]any{
		"minfds": d.MinFDs, "minprocs": d.MinProcs, "directory": noneIfEmpty(d.Directory), "umask": d.Umask, "logfile": filepath.Base(d.Logfile),
		"logfile_maxbytes": d.LogMaxBytes, "logfile_backups": d.LogBackups, "loglevel": map[int]int{12: 50, 8: 40, 4: 30, 0: 20, -4: 10, -8: 5, -12: 3}[int(d.LogLevel)],
		"pidfile": filepath.Base(d.Pidfile), "identifier": d.Identifier, "nodaemon": d.NoDaemon, "silent": d.Silent, "childlogdir": d.ChildLogDir,
		"nocleanup": d.NoCleanup, "strip_ansi": d.StripANSI, "environment": shownEnvironment(d.Environment),
	}}
}

func shownGroup(g Group) map[string]any {
	processes := []any{}
	for _, s := range g.Specs {
		processes = append(processes, shownSpec(s))
	}
	d := map[string]any{"name": g.Name, "priority": g.Priority, "processes": processes}
	if g.Listener != nil {
		d["events"], d["buffer"] = g.Listener.Events, g.Listener.BufferSize
	}
	if s := g.Socket; s != nil {
		var mode, owner, backlog any
		if s.Network == "unix" {
			mode = s.Mode
		}
		if s.UID >= 0 {
			owner = []int{s.UID, s.GID}
		}
		if s.Backlog > 0 {
			backlog = s.Backlog
		}
		d["socket"] = []any{s.URL, mode, owner, backlog}
	}
	return d
}

func shownSpec(s *process.Spec) map[string]any {
	url := s.ServerURL
	if s.AutoServerURL {
		url = ""
	}
	var restart any = int(s.Autorestart)
	if s.Autorestart == process.RestartNever {
		restart = false
	}
	d := map[string]any{
		"name": s.Name, "command": s.Command, "directory": noneIfEmpty(s.Directory), "uid": noneIf(s.UID), "umask": noneIf(s.Umask), "priority": s.Priority,
		"autostart": s.Autostart, "autorestart": restart, "startsecs": s.StartSecs, "startretries": s.StartRetries, "exitcodes": s.ExitCodes,
		"stopsignal": int(s.StopSignal), "stopwaitsecs": s.StopWaitSecs, "stopasgroup": s.StopAsGroup, "killasgroup": s.KillAsGroup,
		"redirect_stderr": s.RedirectStderr, "environment": shownEnvironment(s.Environment), "serverurl": noneIfEmpty(url),
	}
	for stream, l := range map[string]process.LogSpec{"stdout": s.Stdout, "stderr": s.Stderr} {
		d[stream+"_logfile"], d[stream+"_logfile_backups"], d[stream+"_logfile_maxbytes"] = noneIfEmpty(l.File), l.Backups, l.MaxBytes
		d[stream+"_syslog"], d[stream+"_capture_maxbytes"], d[stream+"_events_enabled"] = l.Syslog, l.CaptureBytes, l.EventsEnabled
	}
	return d
}

func noneIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func noneIf(n int) any {
	if n < 0 {
		return nil
	}
	return n
}

func shownEnvironment(vars []process.EnvVar) map[string]string {
	return environment(&process.Spec{Environment: vars})
}

// compared are configurations that Supervisor and we must understand alike.
var compared = []string{
	"[supervisord]\n",
	"[supervisord]\n[program:p]\ncommand=/bin/cat\n",
	"[supervisord]\nminfds=5\nminprocs=6\ndirectory=/tmp\numask=077\nlogfile=x.log\nlogfile_maxbytes=1MB\nlogfile_backups=2\nloglevel=blather\npidfile=x.pid\n" +
		"identifier=me\nnodaemon=true\nsilent=yes\nchildlogdir=/tmp\nnocleanup=1\nstrip_ansi=on\nenvironment=A=\"1\",B='%(here)s'\n[program:p]\ncommand=x %(ENV_A)s\nenvironment=A=2,C=3\n",
	"[supervisord]\n[program:p]\ncommand=/bin/sleep 9\nautostart=no\npriority=12\nautorestart=true\nstartsecs=4\nstartretries=9\nexitcodes=0,2,3\nstopsignal=HUP\nstopwaitsecs=44\n" +
		"stopasgroup=true\nredirect_stderr=true\nstdout_logfile_backups=3\nstdout_capture_maxbytes=1MB\nstdout_events_enabled=true\nstderr_events_enabled=true\n" +
		"directory=%(here)s\nserverurl=http://x:1\nstderr_capture_maxbytes=5\nstderr_logfile_backups=0\numask=022\nuser=root\nstdout_syslog=true\nstderr_syslog=0\n",
	"[supervisord]\n[program:p]\ncommand=/bin/echo %(program_name)s %(group_name)s %(process_num)03d %(numprocs)d %(here)s %(host_node_name)s %(ENV_HOME)s 100%%\n" +
		"process_name=%(program_name)s_%(process_num)d\nnumprocs=12\nnumprocs_start=8\nstdout_logfile=/tmp/%(program_name)s%(process_num)02d.log\nstderr_logfile=NONE\n" +
		"environment=N=%(process_num)d,K=\"%(ENV_HOME)s\"\ndirectory=/tmp/%(ENV_N)s\nserverurl=auto\n",
	"[supervisord]\n[program:b]\ncommand=x\n[program:a]\ncommand=x\n[program:c]\ncommand=x\npriority=1\n[eventlistener:l]\ncommand=y\nevents=tick_5,PROCESS_STATE\n" +
		"[group:g]\nprograms=b,a\npriority=999\n[eventlistener:m]\ncommand=y\nevents=EVENT\nbuffer_size=33\npriority=2000\nnumprocs=2\nprocess_name=%(group_name)s%(process_num)s\n",
	"[supervisord]\n[fcgi-program:f]\ncommand=x\nsocket=unix:///tmp/%(program_name)s.sock\nsocket_mode=0750\nsocket_owner=root:root\nsocket_backlog=7\npriority=3\n" +
		"[fcgi-program:g]\ncommand=x\nsocket=tcp://LOCALHOST:9000\nnumprocs=2\nprocess_name=g%(process_num)d\n[fcgi-program:h]\ncommand=x\nsocket=unix:///tmp/../tmp/h\n[group:x]\nprograms=h\n",
	"[supervisord]\n[inet_http_server]\nport=*:9001\nusername=u\npassword=p%%w\n[inet_http_server:two]\nport=LocalHost:9002\n[unix_http_server]\nfile=/tmp//x.sock\nchmod=0770\nchown=root:root\n" +
		"[unix_http_server:two]\nfile=%(here)s/y.sock\n[inet_http_server:three]\nport=9003\n",
	"[supervisord]\n[program:p]\ncommand=x\nstdout_logfile=syslog\nstderr_logfile=AUTO\nstderr_logfile_maxbytes=0\n[program:q]\ncommand=x\nredirect_stderr=true\nstderr_logfile=/tmp/x\nstdout_logfile=off\n",
	"[supervisord]\n[program: p ]\ncommand = x\n  y\n\n  z ; c\n[program:p.q]\ncommand:w\nPRIORITY = 5 # c\n",
	"[DEFAULT]\nautostart=false\nstartsecs=7\n[supervisord]\n[program:p]\ncommand=x\n[program:q]\ncommand=y\nstartsecs=8\n",
	"[include]\nfiles=inc/*.conf other\n[supervisord]\nidentifier=%(here)s\n[program:a]\ncommand=%(here)s/a\npriority=5\n",
	"[supervisord]\n[program:p]\ncommand=x\nstdout_logfile=/tmp/100%%%%.log\nenvironment=\n",
	"[supervisord]\n[fcgi-program:f]\ncommand=x\nuser=nobody\nsocket=unix:///tmp/f\n[program:q]\ncommand=x\nuser=65534\n",
	"[supervisord]\n[program:p]\ncommand=x\nnumprocs=0\n[program:q]\ncommand=x\nnumprocs=-1\nexitcodes=\n",
	"[supervisord]\n[group:g]\nprograms=\n[group:h]\nprograms=a , b\n[program:a]\ncommand=1\npriority=9\n[program:b]\ncommand=2\npriority=1\n",
	"[supervisord]\n[program:p]\ncommand=x\nkillasgroup=true\nautorestart=off\nstopsignal=9\n[program:q]\ncommand=x\nautorestart=UNEXPECTED\nstopsignal=sigusr1\n",
	"[supervisord]\nnodaemon=2\n[program:p]\n", "[supervisord]\n[program:p]\ncommand=x\nautostart=2\npriority=x\n", "[group:g]\n", "x\n", "[supervisord]\n[include]\n",
	"[supervisord]\n[program:p]\ncommand=x\nuser=nobody-here\n", "[supervisord]\n[inet_http_server]\nport=x\n", "[supervisord]\n[unix_http_server]\nfile=/x\nusername=1\n",
	"[supervisord]\n[eventlistener:x]\ncommand=x\nevents=TICK_5,\n", "[supervisord]\n[program:x]\ncommand=%(process_num)d\npriority=%(process_num)d\n", "[supervisord]\nx\ny=1\nz\n",
}

func TestConfigIsSupervisors(t *testing.T) {
	var paths []string
	for _, text := range compared {
		paths = append(paths, filepath.Join(folder(t, map[string]string{conf: text,
			"inc/1.conf": "[program:b]\ncommand=%(here)s/b\n[program:a]\npriority=7\n", "inc/2.conf": "[include]\nfiles=x\n[program:b]\nautostart=false\n", "other": "[supervisord]\nminfds=3\n",
		}), conf))
	}
	for i, want := range askPeer(t, paths) {
		got := map[string]any{}
		c, err := Load(paths[i], Flags{})
		var bad *Error
		if errors.As(err, &bad) {
			got["error"] = bad.Text()
		} else {
			// through JSON, so that both sides have the same types
			text, err := json.Marshal(shown(c))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if !reflect.DeepEqual(got[key], want[key]) {
				mine, _ := json.MarshalIndent(got[key], "", " ")
				theirs, _ := json.MarshalIndent(want[key], "", " ")
				t.Errorf("%s of\n%s\ngot\n%s\nSupervisor\n%s", key, compared[i], mine, theirs)
			}
		}
	}
}
