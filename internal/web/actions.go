package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// action is what the links of the status page do. Its message tells what came of it, in Supervisor's words.
type action struct {
	one bool // about one process, whose name it gets
	run func(ctx context.Context, t Table, name string) (message string)
}

var actions = map[string]action{
	"refresh":    {false, refresh},
	"stopall":    {false, stopAll},
	"restartall": {false, restartAll},
	"start":      {true, start},
	"stop":       {true, stop},
	"restart":    {true, restart},
	"clearlog":   {true, clearLog},
}

// act does the action that is asked for and sends the browser back to the page, which shows the message. That is also what keeps a
// reload from doing it again.
func (p *Pages) act(w http.ResponseWriter, r *http.Request, word string) {
	a, known := actions[word]
	name := field(r, "processname")
	switch {
	case !known:
		p.fail(w, http.StatusBadRequest, "unknown action "+word)
		return
	case a.one && name == "":
		p.fail(w, http.StatusBadRequest, word+" needs a processname")
		return
	}
	if fault := rpc.Permit(r.Context(), rpc.Act); fault != nil {
		p.fail(w, http.StatusForbidden, fault.Text)
		return
	}
	switch p.judge(r) {
	case foreign:
		p.Log.Warn("action of another site refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "referer", r.Referer())
		p.fail(w, http.StatusForbidden, "a page of another site must not do this")
		return
	case unknown:
		p.show(w, http.StatusOK, "confirm.html", struct{ Action, Name string }{word, name})
		return
	}
	message := ""
	if a.one {
		message = p.missing(r.Context(), name)
	}
	if message == "" {
		message = a.run(r.Context(), p.Table, name)
	}
	w.Header().Set("Location", "./?message="+quote(message))
	p.fail(w, http.StatusMovedPermanently, http.StatusText(http.StatusMovedPermanently))
}

// missing is the message for a name that is not that of one process; the methods would take group:* too.
func (p *Pages) missing(ctx context.Context, name string) string {
	_, err := p.Table.Call(ctx, "supervisor.getProcessInfo", []any{name})
	switch {
	case err == nil:
		return ""
	case rpc.AsFault(err).Code == rpc.BadName:
		return "No such process named " + name
	}
	return unexpected(err)
}

func refresh(context.Context, Table, string) string { return "Page refreshed at " + ctime() }

func stopAll(ctx context.Context, t Table, _ string) string {
	if _, err := t.Call(ctx, "supervisor.stopAllProcesses", nil); err != nil {
		return unexpected(err)
	}
	return "All stopped at " + ctime()
}

// restartAll starts what it has stopped even if nobody waits for it any more.
func restartAll(ctx context.Context, t Table, _ string) string {
	ctx = context.WithoutCancel(ctx)
	for _, method := range []string{"supervisor.stopAllProcesses", "supervisor.startAllProcesses"} {
		if _, err := t.Call(ctx, method, nil); err != nil {
			return unexpected(err)
		}
	}
	return "All restarted at " + ctime()
}

func start(ctx context.Context, t Table, name string) string {
	if _, err := t.Call(ctx, "supervisor.startProcess", []any{name}); err != nil {
		return notStarted(name, err)
	}
	return fmt.Sprintf("Process %s started", name)
}

func stop(ctx context.Context, t Table, name string) string {
	if _, err := t.Call(ctx, "supervisor.stopProcess", []any{name}); err != nil {
		return unexpected(err)
	}
	return fmt.Sprintf("Process %s stopped", name)
}

// restart starts a process that did not run, too, and one that it has stopped even if nobody waits for it any more.
func restart(ctx context.Context, t Table, name string) string {
	ctx = context.WithoutCancel(ctx)
	_, err := t.Call(ctx, "supervisor.stopProcess", []any{name})
	if err == nil || rpc.AsFault(err).Code == rpc.NotRunning {
		_, err = t.Call(ctx, "supervisor.startProcess", []any{name})
	}
	if err != nil {
		return notStarted(name, err)
	}
	return fmt.Sprintf("Process %s restarted", name)
}

func clearLog(ctx context.Context, t Table, name string) string {
	if _, err := t.Call(ctx, "supervisor.clearProcessLogs", []any{name}); err != nil {
		return unexpected(err)
	}
	return fmt.Sprintf("Log for %s cleared", name)
}

// startFaults are the faults for which the page has words of its own.
var startFaults = map[int]string{
	rpc.NoFile:              "no such file",
	rpc.NotExecutable:       "file not executable",
	rpc.AlreadyStarted:      "already started",
	rpc.SpawnError:          "spawn error",
	rpc.AbnormalTermination: "abnormal termination",
}

func notStarted(name string, err error) string {
	text, ok := startFaults[rpc.AsFault(err).Code]
	if !ok {
		text = unexpected(err)
	}
	return fmt.Sprintf("ERROR: Process %s: %s", name, text)
}

func unexpected(err error) string {
	fault := rpc.AsFault(err)
	return fmt.Sprintf("unexpected rpc fault [%d] %s", fault.Code, fault.Text)
}

// ctime is the local time as C writes it.
func ctime() string { return time.Now().Format(time.ANSIC) }

// quoting makes of Go's form of a query what Python's quote makes.
var quoting = strings.NewReplacer("+", "%20", "%2F", "/")

// quote writes a text so that it can be part of an address.
func quote(s string) string { return quoting.Replace(url.QueryEscape(s)) }
