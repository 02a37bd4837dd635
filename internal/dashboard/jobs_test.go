package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rpc"
)

const shared = `[group:app]
programs=one,bad
[program:one]
command=PLAY idle
autostart=false
startsecs=0
[program:bad]
command=PLAY fail 3 "NICK has no database"
autostart=false
autorestart=false
startretries=0
startsecs=5
`

// Each action calls its rows, on the right nodes and in the right order.
func TestActions(t *testing.T) {
	nodes := newNodes(t, shared)
	one := process.ParseNamespec("app:one")
	for _, d := range nodes { // n1 first
		if err := d.sup.StartProcess(t.Context(), one, true); err != nil {
			t.Fatal(err)
		}
		nodes[0].until("app:one is up", func(s *Snapshot) bool {
			p := s.Applications[0].Processes[1]
			return slices.Contains(p.On, d.current().Self.Identifier)
		})
	}
	for i, d := range nodes {
		d.notes, d.nick = &nodes[0].calls, fmt.Sprintf("n%d", i+1) // of both nodes in their order
		d.fake.Store(true)
	}
	n2 := nodes[1].current().Self.Identifier
	for request, want := range map[string]string{
		`"start","target":"app:one"`:                                      "n1 supvisors.start_process [CONFIG app:one  true]",
		`"start","target":"app:one","strategy":"LESS_LOADED","args":"-x"`: "n1 supvisors.start_process [LESS_LOADED app:one -x true]",
		`"start","target":"app:one","node":"n2"`:                          "n2 supervisor.startProcess [app:one true]",
		`"start","target":"app:one","node":"` + n2 + `"`:                  "n2 supervisor.startProcess [app:one true]",
		`"start","target":"app:one","node":"n1"`:                          "n1 supervisor.startProcess [app:one true]",
		`"start","target":"app:one","node":"n2","args":"-x y"`:            "n2 supvisors.start_args [app:one -x y true]",
		`"stop","target":"app:one"`:                                       "n1 supvisors.stop_process [app:one true]",
		`"stop","target":"app:one","node":"n2"`:                           "n2 supervisor.stopProcess [app:one true]",
		`"restart","target":"app:one","args":"-x"`:                        "n1 supvisors.restart_process [CONFIG app:one -x true]",
		`"restart","target":"app:one","node":"n2"`:                        "n2 supervisor.stopProcess [app:one true]; n2 supervisor.startProcess [app:one true]",
		`"signal","target":"app:one","signal":"HUP"`:                      "n1 supervisor.signalProcess [app:one HUP]; n2 supervisor.signalProcess [app:one HUP]",
		`"signal","target":"app:one","signal":"HUP","node":"n2"`:          "n2 supervisor.signalProcess [app:one HUP]",
		`"signal","target":"app:bad","signal":"HUP"`:                      "n1 supervisor.signalProcess [app:bad HUP]", // whose answer says that it is not up
		`"clear","target":"app:bad"`:                                      "n1 supervisor.clearProcessLogs [app:bad]; n2 supervisor.clearProcessLogs [app:bad]",
		`"clear","target":"zz"`:                                           "n1 supervisor.clearProcessLogs [zz]",
		`"start_application","target":"app"`:                              "n1 supvisors.start_application [CONFIG app true]",
		`"stop_application","target":"app"`:                               "n1 supvisors.stop_application [app true]",
		`"restart_application","target":"app","strategy":"LOCAL"`:         "n1 supvisors.restart_application [LOCAL app true]",
		`"start_group","target":"app"`:                                    "n1 supervisor.startProcessGroup [app true]",
		`"stop_group","target":"app","node":"n2"`:                         "n2 supervisor.stopProcessGroup [app true]",
		`"restart_group","target":"app","node":"n2"`:                      "n2 supervisor.stopProcessGroup [app true]; n2 supervisor.startProcessGroup [app true]",
		`"start_all","node":"n2"`:                                         "n2 supervisor.startAllProcesses [true]",
		`"stop_all"`:                                                      "n1 supervisor.stopAllProcesses [true]",
		`"restart_node","node":"n2"`:                                      "n2 supervisor.restart []",
		`"shutdown_node","node":"n2"`:                                     "n2 supervisor.shutdown []",
		`"update","node":"n2"`: "n2 supervisor.reloadConfig []; n2 supervisor.stopProcessGroup [removed true]; n2 supervisor.removeProcessGroup [removed]; " +
			"n2 supervisor.stopProcessGroup [changed true]; n2 supervisor.removeProcessGroup [changed]; n2 supervisor.addProcessGroup [added]; " +
			"n2 supervisor.addProcessGroup [changed]",
		`"enable","target":"one"`:                                  "n1 supvisors.enable [one false]; n2 supvisors.enable [one false]",
		`"disable","target":"one","node":"n2"`:                     "n2 supvisors.disable [one false]",
		`"conciliate","strategy":"SENICIDE"`:                       "n1 supvisors.conciliate [SENICIDE]",
		`"conciliate","strategy":"SENICIDE","target":"app:one"`:    "n1 supervisor.stopProcess [app:one true]", // the older one
		`"conciliate","strategy":"INFANTICIDE","target":"app:one"`: "n2 supervisor.stopProcess [app:one true]",
		`"conciliate","strategy":"STOP","target":"app:one"`:        "n1 supvisors.stop_process [app:one true]",
		`"conciliate","strategy":"RESTART","target":"app:one"`:     "n1 supvisors.restart_process [CONFIG app:one  true]",
		`"keep","target":"app:one","node":"n1"`:                    "n2 supervisor.stopProcess [app:one true]",
		`"stop_copy","target":"app:one","node":"n2"`:               "n2 supervisor.stopProcess [app:one true]",
		`"restart_sequence"`:                                       "n1 supvisors.restart_sequence [true]",
		`"restart_cluster"`:                                        "n1 supvisors.restart []",
		`"shutdown_cluster"`:                                       "n1 supvisors.shutdown []",
		`"end_sync"`:                                               "n1 supvisors.end_sync []",
		`"end_sync","node":"n2"`:                                   "n1 supvisors.end_sync [" + n2 + "]",
	} {
		job := nodes[0].done(`{"action":` + request + `}`)
		if calls := strings.Join(nodes[0].calls.Taken(), "; "); calls != want || job.State != "done" {
			t.Errorf("%s: %s, %s\nwanted %s", request, calls, job.Text, want)
		}
	}
	for request, want := range map[string]string{
		`"conciliate","strategy":"RUNNING_FAILURE","target":"app:one"`: "RUNNING_FAILURE is for all conflicts at once",
		`"conciliate","strategy":"SENICIDE","target":"app:bad"`:        "app:bad is not in conflict",
	} {
		if job := nodes[0].done(`{"action":` + request + `}`); job.State != "failed" || job.Text != want || len(nodes[0].calls.Taken()) > 0 {
			t.Errorf("%s: %+v", request, job)
		}
	}
	for name := range actions {
		found := slices.ContainsFunc(nodes[0].jobs.list(), func(j Job) bool { return j.Action == name })
		if !found {
			t.Errorf("%s is not tested", name)
		}
	}
	for request, want := range map[string]string{
		`{"action":"dance"}`:                   `action "dance" is unknown`,
		`{}`:                                   `action "" is unknown`,
		`{"action":"start"}`:                   "start needs a target",
		`{"action":"keep","target":"app:one"}`: "keep needs a node",
		`{"action":"stop_copy","target":"app:one"}`:               "stop_copy needs a node",
		`{"action":"start","target":"app:one","node":"zz"}`:       "there is no node zz",
		`{"action":"start","target":"app:one","strategy":"WILD"}`: "WILD",
		`{"action":"conciliate"}`:                                 "conciliation",
		`{"action":"conciliate","strategy":"CONFIG"}`:             "CONFIG",
		`{"action":"start","target":"app:one","user":"root"}`:     "unknown field",
		`{"action":"start","target":7}`:                           "cannot be read",
		`{"action":"start","target":"app:one"}{}`:                 "something follows",
		`[]`: "cannot be read",
		`{"action":"start","target":"` + strings.Repeat("x", maxBody) + `"}`: "too large",
	} {
		var refusal struct{ Message string }
		a := nodes[0].do("POST", "/ui/api/jobs", request)
		decode(t, []byte(a.Text), &refusal)
		if a.StatusCode != 400 || !strings.Contains(refusal.Message, want) {
			t.Errorf("%.80s: %d %s", request, a.StatusCode, a.Text)
		}
	}
	for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "application/json2"} {
		if a := doortest.Do(t, "POST", nodes[0].site, "/ui/api/jobs", `{"action":"stop_all"}`, "Content-Type", kind); a.StatusCode != 415 {
			t.Errorf("%q: %d %s", kind, a.StatusCode, a.Text)
		}
	}
	nodes[0].calls.Err = rpc.NewFault(rpc.BadName, "x")
	for request, want := range map[string]string{
		`"stop","target":"app:one"`:                  "BAD_NAME: x",
		`"stop","target":"app:one","node":"n2"`:      "BAD_NAME: x", // as it comes from the other node
		`"signal","target":"app:one","signal":"HUP"`: "BAD_NAME: x",
		`"start_all"`: "BAD_NAME: x",
	} {
		if job := nodes[0].done(`{"action":` + request + `}`); job.State != "failed" || job.Text != want {
			t.Errorf("%s: %+v", request, job)
		}
	}
	if calls := nodes[0].calls.Taken(); len(calls) != 5 {
		t.Errorf("refused requests have called %q", calls)
	}
}

// What became of starts on other nodes is told with the last lines that were written there.
func TestRemoteJobs(t *testing.T) {
	nodes := newNodes(t, shared)
	for _, request := range []string{`"start","target":"app:bad","node":"n2"`, `"start","target":"app:bad"`} {
		job := nodes[0].done(`{"action":` + request + `}`)
		if job.State != "failed" || !strings.Contains(job.Text, "exit status 3") || !strings.HasSuffix(job.Text, "on n2") ||
			!strings.HasSuffix(job.Tail, "line 29\nn2 has no database") {
			t.Errorf("%s: %+v", request, job)
		}
	}
	job := nodes[0].done(`{"action":"start","target":"app:one","node":"n2"}`)
	if job.State != "done" {
		t.Errorf("%+v", job)
	}
	nodes[0].shows("app:one", "RUNNING")
	job = nodes[0].done(`{"action":"start","target":"app:one","node":"n2"}`)
	if job.State != "failed" || job.Text != "ALREADY_STARTED: app:one" || job.Tail != "" {
		t.Errorf("%+v", job)
	}
	if job = nodes[0].done(`{"action":"stop","target":"app:one"}`); job.State != "done" || job.Text != "app:one is STOPPED" {
		t.Errorf("%+v", job)
	}
	job = nodes[0].done(`{"action":"start","target":"app:one","strategy":"LOCAL"}`)
	if job.State != "done" || job.Text != "app:one is RUNNING on n1" {
		t.Errorf("%+v", job)
	}
	nodes[1].end()
	if job = nodes[0].done(`{"action":"stop_all","node":"n2"}`); job.State != "failed" || job.Text == "" {
		t.Errorf("%+v", job)
	}
}

// The end of a job tells the truth about a Supervisor alone.
func TestAloneJobs(t *testing.T) {
	d := newAlone(t, `[program:bad]
command=PLAY fail 3 "no database"
autostart=false
autorestart=false
startretries=0
[program:again]
command=PLAY fail 4 "not yet"
autostart=false
startretries=9
[program:none]
command=DIR/missing
autostart=false
[program:long]
command=PLAY slow
autostart=false
startsecs=600
[program:idle]
command=PLAY idle
startsecs=0
`)
	d.shows("idle", "RUNNING")
	for name, want := range map[string][2]string{
		"bad":   {"bad did not start: Exited too quickly; exit status 3 after ", "line 29\nno database"},
		"again": {"again did not start: Exited too quickly; exit status 4 after ", "line 29\nnot yet"},
		"none":  {"NO_FILE: ", ""},
		"idle":  {"ALREADY_STARTED: idle", ""},
		"zz":    {"BAD_NAME: zz", ""},
	} {
		job := d.done(`{"action":"start","target":"` + name + `"}`)
		if job.State != "failed" || !strings.HasPrefix(job.Text, want[0]) || !strings.HasSuffix(job.Tail, want[1]) || want[1] == "" && job.Tail != "" {
			t.Errorf("%s: %+v", name, job)
		}
		if n := strings.Count(job.Tail, "\n"); n >= tailLines {
			t.Errorf("%s: %d lines", name, n)
		}
	}
	d.done(`{"action":"stop","target":"again"}`)
	starting := d.ask(`{"action":"start","target":"long"}`) // is answered at once
	d.shows("long", "STARTING")
	if job := d.done(`{"action":"stop","target":"long"}`); job.State != "done" || job.Text != "long is STOPPED" {
		t.Errorf("%+v", job)
	}
	if job := d.wait(starting); job.State != "failed" || job.Text != "ABNORMAL_TERMINATION: long" || job.Tail != "" {
		t.Errorf("%+v", job)
	}
	if job := d.done(`{"action":"restart","target":"idle"}`); job.State != "done" || !strings.HasPrefix(job.Text, "idle is RUNNING") {
		t.Errorf("%+v", job)
	}
	if job := d.done(`{"action":"signal","target":"idle","signal":"NOISE"}`); job.State != "failed" || !strings.HasPrefix(job.Text, "BAD_SIGNAL") {
		t.Errorf("%+v", job)
	}
	if job := d.done(`{"action":"start_group","target":"bad"}`); job.State != "failed" || !strings.Contains(job.Text, "bad: SPAWN_ERROR") {
		t.Errorf("%+v", job)
	}
	for _, name := range []string{"start_application", "conciliate", "enable", "restart_cluster", "end_sync", "keep"} {
		a := d.do("POST", "/ui/api/jobs", `{"action":"`+name+`","target":"x","node":"tester"}`)
		if a.StatusCode != 400 || !strings.Contains(a.Text, name+" needs a cluster") {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
	}
	var jobs struct{ Jobs []Job }
	if d.get("/ui/api/jobs", &jobs); len(jobs.Jobs) < 10 || jobs.Jobs[0].ID != 1 {
		t.Errorf("%+v", jobs)
	}
	s := d.Snapshot() // steps of the processes may be told after the job that they end
	if !slices.ContainsFunc(s.Moments, func(m Moment) bool {
		return m.Kind == "job" && m.Level == "bad" && strings.HasPrefix(m.Text, "start group bad: ")
	}) || len(s.Jobs) != len(jobs.Jobs) {
		t.Errorf("%+v", s.Moments)
	}
}

// An update adds, changes and removes groups.
func TestUpdateJob(t *testing.T) {
	d := newAlone(t, "[program:a]\ncommand=PLAY idle\nstartsecs=0\n[program:b]\ncommand=PLAY idle\nstartsecs=0\n")
	d.shows("b", "RUNNING")
	d.sup.Configure("[program:b]\ncommand=PLAY idle\nstartsecs=0\npriority=7\n[program:c]\ncommand=PLAY idle\nstartsecs=0\n")
	if job := d.done(`{"action":"update"}`); job.State != "done" {
		t.Errorf("%+v", job)
	}
	d.shows("c", "RUNNING")
	d.until("a is gone", func(s *Snapshot) bool { return len(s.Applications) == 2 && s.Applications[0].Name == "b" })
	d.sup.Configure("[program:b]\n")
	if job := d.done(`{"action":"update"}`); job.State != "failed" || !strings.HasPrefix(job.Text, "CANT_REREAD") {
		t.Errorf("%+v", job)
	}
}

// So many jobs run at one time, and so many are remembered: one that runs is never forgotten.
func TestJobBounds(t *testing.T) {
	l := newLab(t, "")
	if _, err := l.jobs.begin(JobRequest{}, "u", nil); err == nil {
		t.Error("a job was taken before there was anybody to do it")
	}
	ctx, stop := context.WithCancel(t.Context())
	l.jobs.open(ctx)
	release := make(chan struct{})
	blocked := func(ctx context.Context) (string, error) {
		select {
		case <-release:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		return "done", nil
	}
	for range maxRunning {
		if _, err := l.jobs.begin(JobRequest{Action: "stop"}, "u", blocked); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.jobs.begin(JobRequest{Action: "stop"}, "u", blocked); err == nil || !strings.Contains(err.Error(), "64 jobs") {
		t.Error(err)
	}
	release <- struct{}{}
	supervisortest.Until(t, "one is done", func() bool { return slices.ContainsFunc(l.jobs.list(), func(j Job) bool { return j.State == "done" }) })
	for i := range 2 * maxJobs {
		job, err := l.jobs.begin(JobRequest{Action: "stop"}, "u", func(context.Context) (string, error) { return "", errors.New("it is so") })
		if err != nil {
			t.Fatal(i, err)
		}
		supervisortest.Until(t, "it has failed", func() bool {
			return slices.ContainsFunc(l.jobs.list(), func(j Job) bool {
				return j.ID == job.ID && j.State == "failed" && j.Text == "it is so" && j.Ended >= j.Began
			})
		})
	}
	list := l.jobs.list()
	running := 0
	for _, j := range list {
		if j.State == "running" {
			running++
		}
	}
	if len(list) != maxJobs || running != maxRunning-1 || !slices.IsSortedFunc(list, func(a, b Job) int { return int(a.ID) - int(b.ID) }) {
		t.Errorf("%d are remembered, %d of them run", len(list), running)
	}
	stop()
	l.jobs.wait() // the end of the daemon ends them
	if _, err := l.jobs.begin(JobRequest{}, "u", nil); err == nil {
		t.Error("a job was taken at the end")
	}
}

// A page hears of the states of a job in their order, and never of one that its snapshot has left behind.
func TestJobEvents(t *testing.T) {
	l := newLab(t, "")
	ctx, stop := context.WithCancel(t.Context())
	defer func() {
		stop()
		l.jobs.wait()
	}()
	l.jobs.open(ctx)
	_, from, _ := l.look(t, "")
	for range 50 {
		if _, err := l.jobs.begin(JobRequest{Action: "stop", Target: "x"}, "u", func(context.Context) (string, error) { return "fine", nil }); err != nil {
			t.Fatal(err)
		}
	}
	l.jobs.working.Wait()
	states := map[uint64]string{}
	var notes []Moment
	events, _, _ := l.stream.read(from)
	for _, m := range events {
		switch m.event {
		case "job":
			var j Job
			decode(t, m.data, &j)
			states[j.ID] += j.State + " "
		case "moment":
			var n Moment
			decode(t, m.data, &n)
			notes = append(notes, n)
		}
	}
	for id, s := range states {
		if s != "running done " {
			t.Errorf("job %d was %s", id, s)
		}
	}
	if len(states) != 50 || len(notes) != 100 || notes[0].Text != "u asked: stop x" || notes[0].Process != "x" {
		t.Errorf("%d jobs, %d moments", len(states), len(notes))
	}
}

func TestUserOf(t *testing.T) {
	for _, tt := range []struct{ remote, user, want string }{
		{"10.0.0.7:1234", "", "somebody from 10.0.0.7"}, {"10.0.0.7:1234", "eve", "eve from 10.0.0.7"}, {"@", "eve", "eve from this machine"},
		{"", "", "somebody from this machine"}, {"[::1]:80", "", "somebody from [::1]"},
	} {
		r, _ := http.NewRequest("POST", "/", nil)
		r.RemoteAddr = tt.remote
		if tt.user != "" {
			r.SetBasicAuth(tt.user, "p")
		}
		if got := userOf(r); got != tt.want {
			t.Errorf("%q, wanted %q", got, tt.want)
		}
	}
}
