package config

import (
	"fmt"
	"testing"
)

const diffBase = "[supervisord]\n[program:a]\ncommand=x\n[program:b]\ncommand=y\n[eventlistener:l]\ncommand=z\nevents=TICK_5,TICK_60\n[fcgi-program:f]\ncommand=x\nsocket=unix:///tmp/f\n"

func TestDiff(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", diffBase, diffBase, "added [] changed [] removed []"},
		{"added and removed", "[supervisord]\n[program:a]\ncommand=x\n[program:b]\ncommand=y\n", "[supervisord]\n[program:c]\ncommand=x\n[program:b]\ncommand=y\n[program:d]\ncommand=x\npriority=1\n",
			"added [d c] changed [] removed [a]"},
		{"command", diffBase, diffBase + "[program:a]\ncommand=other\n", "added [] changed [a] removed []"},
		{"priority", diffBase, diffBase + "[program:b]\npriority=3\n", "added [] changed [b] removed []"},
		{"number of processes", diffBase, diffBase + "[program:b]\nnumprocs=2\nprocess_name=b%(process_num)s\n", "added [] changed [b] removed []"},
		{"events", diffBase, diffBase + "[eventlistener:l]\nevents=TICK_5\n", "added [] changed [l] removed []"},
		{"order of events", diffBase, diffBase + "[eventlistener:l]\nevents=TICK_60,tick_5\n", "added [] changed [] removed []"},
		{"buffer", diffBase, diffBase + "[eventlistener:l]\nbuffer_size=11\n", "added [] changed [l] removed []"},
		{"result handler", diffBase, diffBase + "[eventlistener:l]\nresult_handler=a:b\n", "added [] changed [l] removed []"},
		{"command of a listener", diffBase, diffBase + "[eventlistener:l]\ncommand=other\n", "added [] changed [l] removed []"},
		{"socket", diffBase, diffBase + "[fcgi-program:f]\nsocket=unix:///tmp/g\n", "added [] changed [f] removed []"},
		{"mode of a socket", diffBase, diffBase + "[fcgi-program:f]\nsocket_mode=0777\n", "added [] changed [] removed []"},
		{"environment of the daemon", diffBase, diffBase + "[supervisord]\nenvironment=X=1\n", "added [] changed [l a b f] removed []"},
		{"order of variables", diffBase + "[program:a]\nenvironment=A=1,B=2\n", diffBase + "[program:a]\nenvironment=B=2,A=1\n", "added [] changed [] removed []"},
		{"log named after automatic", diffBase, diffBase + "[program:a]\nstdout_logfile=/tmp/x\n", "added [] changed [a] removed []"},
		{"automatic after a named log", diffBase + "[program:a]\nstdout_logfile=/tmp/x\n", diffBase, "added [] changed [] removed []"},
		{"no log", diffBase, diffBase + "[program:a]\nstderr_logfile=NONE\n", "added [] changed [a] removed []"},
		{"server url", diffBase, diffBase + "[program:a]\nserverurl=http://x:1\n", "added [] changed [a] removed []"},
		{"address of the daemon", diffBase, diffBase + "[unix_http_server]\nfile=/tmp/s\n", "added [] changed [] removed []"},
		{"members of a group", diffBase + "[group:g]\nprograms=a,b\n", diffBase + "[group:g]\nprograms=b\n", "added [a] changed [g] removed []"},
		{"group of the same name", diffBase, diffBase + "[group:b]\nprograms=b\n", "added [] changed [] removed []"},
		{"kind", "[supervisord]\n[program:l]\ncommand=z\n", "[supervisord]\n[eventlistener:l]\ncommand=z\nevents=TICK_5\npriority=999\n", "added [] changed [l] removed []"},
		{"comments and order", diffBase, "; c\n[fcgi-program:f]\nsocket = unix:///tmp/f ; c\ncommand: x\n" + diffBase, "added [] changed [] removed []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := Diff(mustLoad(t, c.old), mustLoad(t, c.new))
			if got := fmt.Sprint("added ", changes.Added, " changed ", changes.Changed, " removed ", changes.Removed); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestDiffSeesEveryOption changes one option of a program after the other.
func TestDiffSeesEveryOption(t *testing.T) {
	old := mustLoad(t, "[supervisord]\n[program:a]\ncommand=x\n")
	for _, option := range []string{"command=y", "directory=/tmp", "user=root", "umask=077", "priority=1", "autostart=false", "autorestart=true", "startsecs=9", "startretries=9",
		"exitcodes=1", "stopsignal=INT", "stopwaitsecs=9", "killasgroup=true", "redirect_stderr=true", "environment=A=1", "process_name=b",
		"stdout_logfile=NONE", "stdout_logfile_maxbytes=1", "stdout_logfile_backups=1", "stdout_capture_maxbytes=1", "stdout_events_enabled=true", "stdout_syslog=true",
		"stderr_logfile=NONE", "stderr_logfile_maxbytes=1", "stderr_logfile_backups=1", "stderr_capture_maxbytes=1", "stderr_events_enabled=true", "stderr_syslog=true"} {
		changes := Diff(old, mustLoad(t, "[supervisord]\n[program:a]\ncommand=x\n"+option+"\n"))
		if len(changes.Changed) != 1 {
			t.Errorf("%s is not seen", option)
		}
	}
}
