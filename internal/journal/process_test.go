package journal

import (
	"slices"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

func TestProcessRecord(t *testing.T) {
	l, _ := open(t, newPath(t), Limits{})
	changes := []process.Change{
		{From: process.Stopped, Info: process.Info{State: process.Starting}, PID: 4711},
		{From: process.Starting, Info: process.Info{State: process.Running}, PID: 4711},
		{From: process.Running, Info: process.Info{State: process.Exited, ExitStatus: 3}, PID: 4711},
		{From: process.Starting, Info: process.Info{State: process.Backoff}},
		{From: process.Running, Info: process.Info{State: process.Exited, Expected: true}},
		{From: process.Running, Info: process.Info{State: process.Exited, ExitStatus: -1}},
		{From: process.Backoff, Info: process.Info{State: process.Fatal, SpawnErr: "can't find command 'x'"}},
		{From: process.Backoff, Info: process.Info{State: process.Fatal}},
		{From: process.Running, Info: process.Info{State: process.Stopping}},
		{From: process.Stopping, Info: process.Info{State: process.Stopped}},
		{From: process.Backoff, Info: process.Info{State: process.Stopped}},
		{From: process.Stopped, Info: process.Info{State: process.Unknown}},
	}
	for _, c := range changes {
		c.Info.Group, c.Info.Name = "web", "web_1"
		if r, ok := ProcessRecord(c, Service{InstanceID: c.Info.Name, URL: c.Info.Group}); ok {
			l.Append(r)
		}
	}
	flush(t, l)
	var got []string
	for _, r := range read(t, l, nil) {
		got = append(got, r.Severity.String()+" "+r.Code+" "+r.Message)
		if s, ok := r.Source.(Service); !ok || s.URL != "web" || s.InstanceID != "web_1" {
			t.Errorf("the source is %+v", r.Source)
		}
	}
	want := []string{
		"info container_running Process web:web_1 is running (pid 4711).",
		"info container_stopped Process web:web_1 has exited (exit status 3, not expected).",
		"info container_stopped Process web:web_1 has exited (exit status 0, expected).",
		"info container_stopped Process web:web_1 has exited (killed by a signal, not expected).",
		"error error_start_container Process web:web_1 could not be started: can't find command 'x'.",
		"error error_start_container Process web:web_1 could not be started: it exited too quickly.",
		"info container_stopped Process web:web_1 was stopped.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
