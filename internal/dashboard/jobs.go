package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

const (
	maxJobs    = 200 // that are remembered
	maxRunning = 64  // at one time
	// tailLines and tailBytes are how much is shown of what a process wrote before its start failed.
	tailLines, tailBytes = 20, 8 << 10
	// explainTimeout bounds the search for the reason of a failure.
	explainTimeout = 2 * time.Second
)

// The states of a Job.
const (
	jobRunning = "running"
	jobDone    = "done"
	jobFailed  = "failed"
)

// jobs does what pages ask for.
type jobs struct {
	d       *Dashboard
	ctx     context.Context // of all jobs; nil before open
	working sync.WaitGroup

	mu      sync.Mutex
	last    uint64
	all     []*Job // oldest first
	running int
}

func newJobs(d *Dashboard) *jobs { return &jobs{d: d} }

func (j *jobs) open(ctx context.Context) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ctx = ctx
}

// wait takes nothing on any more and waits for the end of what runs.
func (j *jobs) wait() {
	j.mu.Lock()
	j.ctx = nil
	j.mu.Unlock()
	j.working.Wait()
}

// list returns the jobs as they are now.
func (j *jobs) list() []Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Job, len(j.all))
	for i, job := range j.all {
		all[i] = *job
	}
	return all
}

// serveJobs tells all jobs.
func (d *Dashboard) serveJobs(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, struct {
		Jobs []Job `json:"jobs"`
	}{d.jobs.list()})
}

// takeJob begins a job and answers at once.
func (d *Dashboard) takeJob(w http.ResponseWriter, r *http.Request) {
	if fault := rpc.Permit(r.Context(), rpc.Act); fault != nil {
		refuse(w, http.StatusForbidden, fault.Text)
		return
	}
	var request JobRequest
	if !readJSON(w, r, &request) {
		return
	}
	node, ok := d.identifier(request.Node)
	if !ok {
		refuse(w, http.StatusBadRequest, "there is no node "+request.Node)
		return
	}
	if request.Node != "" {
		request.Node = node
	}
	work, err := d.plan(request)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	job, err := d.jobs.begin(request, userOf(r), work)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	answer(w, http.StatusAccepted, job)
}

// userOf is who makes a request, as far as it tells.
func userOf(r *http.Request) string {
	from := r.RemoteAddr
	if i := strings.LastIndexByte(from, ':'); i > 0 {
		from = from[:i]
	}
	if from == "" || from == "@" {
		from = "this machine"
	}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		return user + " from " + from
	}
	return "somebody from " + from
}

// begin does the work of a job apart from the request.
func (j *jobs) begin(request JobRequest, user string, work func(context.Context) (string, error)) (Job, error) {
	asked := "asked: " + j.d.describe(request)
	j.mu.Lock()
	if j.ctx == nil || j.ctx.Err() != nil || j.running >= maxRunning {
		j.mu.Unlock()
		if j.ctx == nil || j.ctx.Err() != nil {
			return Job{}, errors.New("the daemon does not take anything on now")
		}
		return Job{}, fmt.Errorf("%d jobs are running already", maxRunning)
	}
	j.last++
	j.running++
	job := &Job{ID: j.last, JobRequest: request, User: user, Began: now(), State: jobRunning, Text: asked}
	j.all = append(j.all, job)
	if len(j.all) > maxJobs {
		oldest := slices.IndexFunc(j.all, func(old *Job) bool { return old.State != jobRunning })
		j.all = slices.Delete(j.all, oldest, oldest+1)
	}
	first, ctx := *job, j.ctx
	j.working.Add(1)
	j.tell(first)
	j.mu.Unlock()
	j.d.note(Moment{Kind: "job", Level: "info", Node: request.Node, App: appOf(request), Process: processOf(request), User: user,
		Text: user + " " + asked})
	go func() { // what comes of it is told after that it was asked for
		defer j.working.Done()
		j.do(ctx, job, work)
	}()
	return first, nil
}

func (j *jobs) do(ctx context.Context, job *Job, work func(context.Context) (string, error)) {
	said, err := work(ctx)
	tail := ""
	if err != nil {
		said, tail = j.d.explain(ctx, job.JobRequest, err)
	}
	j.mu.Lock()
	job.State, job.Text, job.Ended, job.Tail = jobDone, said, now(), tail
	if err != nil {
		job.State = jobFailed
	}
	j.running--
	j.tell(*job)
	j.mu.Unlock()
	level := "good"
	if err != nil {
		level = "bad"
	}
	j.d.note(Moment{Kind: "job", Level: level, Node: job.Node, App: appOf(job.JobRequest), Process: processOf(job.JobRequest), User: job.User,
		Text: j.d.describe(job.JobRequest) + ": " + said})
}

// tell tells the pages of a job; j.mu is held, so that they hear of its states in their order.
func (j *jobs) tell(job Job) { j.d.stream.publish("job", job) }

// describe says what a job is to do.
func (d *Dashboard) describe(r JobRequest) string {
	words := strings.ReplaceAll(r.Action, "_", " ")
	for _, part := range []struct{ before, value string }{{"", r.Signal}, {"", r.Target}, {"on ", d.nick(r.Node)}, {"with ", r.Strategy}} {
		if part.value != "" {
			words += " " + part.before + part.value
		}
	}
	return words
}

func processOf(r JobRequest) string {
	switch r.Action {
	case "start", "stop", "restart", "signal", "clear", "keep", "stop_copy":
		return r.Target
	}
	return ""
}

func appOf(r JobRequest) string {
	if name := processOf(r); name != "" {
		return process.ParseNamespec(name).Group
	}
	if strings.HasSuffix(r.Action, "_application") || strings.HasSuffix(r.Action, "_group") {
		return r.Target
	}
	return ""
}

// failedStarts are the faults of starts that were tried and came to nothing.
var failedStarts = []int{rpc.AbnormalTermination, rpc.SpawnError, rpc.NotRunning}

// explain tells why a job failed: what the answer says, and for a start that came to nothing what is known of the process, with its last lines.
func (d *Dashboard) explain(ctx context.Context, r JobRequest, err error) (text, tail string) {
	text = faultText(err)
	var fault *rpc.Fault
	if r.Action != "start" && r.Action != "restart" || errors.As(err, &fault) && !slices.Contains(failedStarts, fault.Code) {
		return text, ""
	}
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	why, node := d.failure(ctx, process.ParseNamespec(r.Target), r.Node)
	if why == "" {
		return text, ""
	}
	text = r.Target + " did not start: " + why
	if node == "" {
		return text, ""
	}
	for _, channel := range []string{"stderr", "stdout"} {
		if chunk, err := d.readLog(ctx, node, r.Target, channel, -1, tailBytes); err == nil && strings.TrimSpace(chunk.Text) != "" {
			return text, lastLines(chunk.Text, tailLines)
		}
	}
	return text, ""
}

// failure finds out why a process did not start, and where, on a node that is given or on any. The answer of a call may be faster than the View
// that tells it.
func (d *Dashboard) failure(ctx context.Context, ns process.Namespec, node string) (why, where string) {
	look := func(v *cluster.View) bool {
		app := v.Application(ns.Group)
		if app == nil || app.Process(ns.Process) == nil {
			return false
		}
		p := app.Process(ns.Process)
		at := lastCopy(p)
		if i := slices.IndexFunc(p.Infos, func(at cluster.ProcessAt) bool { return at.Identifier == node }); i >= 0 {
			at = &p.Infos[i]
		}
		if at != nil && p.Reason == "" { // else it did not come to any node
			where = at.Identifier
		}
		why = shower{view: v}.why(p, at)
		return why != ""
	}
	if !d.see(ctx, look) && d.cfg.Node != nil {
		return "", ""
	}
	return why, where
}

// see waits for a View that shows something, and reports whether one did before ctx ended. What a Supervisor alone shows is there at once.
func (d *Dashboard) see(ctx context.Context, look func(*cluster.View) bool) bool {
	if d.cfg.Node == nil {
		return look(d.newest())
	}
	watch := d.cfg.Node.Watch(1)
	defer watch.Close()
	for {
		select {
		case v := <-watch.C:
			if look(v) {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// errRefused is the answer false: the reason is what is known of the process.
var errRefused = errors.New("it did not come to it")

// done calls a row whose answer true means that all went well.
func (d *Dashboard) done(ctx context.Context, node, method string, args ...any) error {
	value, err := d.call(ctx, node, method, args...)
	if err == nil && value == false {
		return errRefused
	}
	return err
}

// plan finds out what a job has to do. An error is a request that makes no sense.
func (d *Dashboard) plan(r JobRequest) (func(context.Context) (string, error), error) {
	action, known := actions[r.Action]
	switch {
	case !known:
		return nil, fmt.Errorf("action %q is unknown", r.Action)
	case action.clustered && !d.fixed.Clustered:
		return nil, fmt.Errorf("%s needs a cluster", r.Action)
	case action.target && r.Target == "":
		return nil, fmt.Errorf("%s needs a target", r.Action)
	case action.node && r.Node == "":
		return nil, fmt.Errorf("%s needs a node", r.Action)
	}
	if r.Strategy != "" && r.Action != "conciliate" {
		if _, err := rules.ParseStartingStrategy(r.Strategy); err != nil {
			return nil, err
		}
	}
	if r.Action == "conciliate" {
		if _, err := rules.ParseConciliationStrategy(r.Strategy); err != nil {
			return nil, err
		}
	}
	if r.Strategy == "" {
		r.Strategy = d.strategyOf(appOf(r))
	}
	return func(ctx context.Context) (string, error) {
		began := now()
		err := action.do(d, ctx, r)
		if err != nil {
			return "", err
		}
		d.shows(ctx, r, began)
		return d.outcome(r), nil
	}, nil
}

// strategyOf is the starting strategy that the rules have for an application.
func (d *Dashboard) strategyOf(name string) string {
	if app := d.current().Application(name); app != nil {
		return app.Rules.StartingStrategy.String()
	}
	return d.fixed.Starting
}

// shows waits until what a job has done to a process shows, which may take a moment longer than the answer. A process may also have ended
// since the job began.
func (d *Dashboard) shows(ctx context.Context, r JobRequest, began float64) {
	var there func(*cluster.ProcessInfo) bool
	switch r.Action {
	case "start", "restart":
		there = func(info *cluster.ProcessInfo) bool {
			return info.State == process.Running || info.State == process.Exited && info.Start >= began-1
		}
	case "stop", "stop_copy":
		there = func(info *cluster.ProcessInfo) bool { return info.State.IsStopped() }
	default:
		return
	}
	ns := process.ParseNamespec(r.Target)
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	d.see(ctx, func(v *cluster.View) bool {
		app := v.Application(ns.Group)
		if app == nil || app.Process(ns.Process) == nil {
			return true // there is nothing to be seen
		}
		at := lastCopy(app.Process(ns.Process))
		if info := app.Process(ns.Process).At(r.Node); info != nil {
			return there(info)
		}
		return at == nil || there(at.Info)
	})
}

// outcome says what is now.
func (d *Dashboard) outcome(r JobRequest) string {
	name, v := processOf(r), d.newest()
	ns := process.ParseNamespec(cmp.Or(name, appOf(r)))
	app := v.Application(ns.Group)
	if app == nil {
		return d.describe(r) + ": done"
	}
	if name == "" {
		return app.Name + " is " + app.State.String()
	}
	p := app.Process(ns.Process)
	if p == nil {
		return d.describe(r) + ": done"
	}
	text := name + " is " + p.Shown.String()
	if len(p.Running) > 0 {
		nicks := make([]string, len(p.Running))
		for i, id := range p.Running {
			nicks[i] = (shower{view: v}).nick(id)
		}
		text += " on " + strings.Join(nicks, " and ")
	}
	return text
}
