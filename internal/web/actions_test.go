package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// Each action calls the methods that Supervisor calls, and says what Supervisor says; restart alone tells when it failed.
func TestActions(t *testing.T) {
	boom := rpc.NewFault(rpc.Failed, "boom")
	for _, tt := range []struct {
		action, name string
		faults       map[string]error
		calls        string
		message      string // T is a time
	}{
		{"refresh", "", nil, "", "Page refreshed at T"},
		{"refresh", "q:a", nil, "", "Page refreshed at T"},
		{"stopall", "", nil, "stopAllProcesses", "All stopped at T"},
		{"stopall", "", map[string]error{"stopAllProcesses": rpc.NewFault(rpc.ShutdownState)}, "stopAllProcesses", "unexpected rpc fault [6] SHUTDOWN_STATE"},
		{"restartall", "", nil, "stopAllProcesses,startAllProcesses", "All restarted at T"},
		{"restartall", "", map[string]error{"stopAllProcesses": boom}, "stopAllProcesses", "unexpected rpc fault [30] FAILED: boom"},
		{"restartall", "", map[string]error{"startAllProcesses": boom}, "stopAllProcesses,startAllProcesses", "unexpected rpc fault [30] FAILED: boom"},
		{"start", "web", nil, "startProcess web", "Process web started"},
		{"start", "q:a", nil, "startProcess q:a", "Process q:a started"},
		{"start", "web:web", nil, "startProcess web:web", "Process web:web started"},
		{"start", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.NoFile, "/x")}, "startProcess web", "ERROR: Process web: no such file"},
		{"start", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.NotExecutable, "/x")}, "startProcess web", "ERROR: Process web: file not executable"},
		{"start", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.AlreadyStarted, "web")}, "startProcess web", "ERROR: Process web: already started"},
		{"start", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.SpawnError, "web")}, "startProcess web", "ERROR: Process web: spawn error"},
		{"start", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.AbnormalTermination, "web")}, "startProcess web", "ERROR: Process web: abnormal termination"},
		{"start", "web", map[string]error{"startProcess web": boom}, "startProcess web", "ERROR: Process web: unexpected rpc fault [30] FAILED: boom"},
		{"start", "web", map[string]error{"startProcess web": fmt.Errorf("odd")}, "startProcess web", "ERROR: Process web: unexpected rpc fault [30] FAILED: odd"},
		{"stop", "web", nil, "stopProcess web", "Process web stopped"},
		{"stop", "web", map[string]error{"stopProcess web": rpc.NewFault(rpc.NotRunning, "web")}, "stopProcess web", "unexpected rpc fault [70] NOT_RUNNING: web"},
		{"restart", "web", nil, "stopProcess web,startProcess web", "Process web restarted"},
		{"restart", "web", map[string]error{"stopProcess web": rpc.NewFault(rpc.NotRunning, "web")}, "stopProcess web,startProcess web", "Process web restarted"},
		{"restart", "web", map[string]error{"stopProcess web": boom}, "stopProcess web", "ERROR: Process web: unexpected rpc fault [30] FAILED: boom"},
		{"restart", "web", map[string]error{"startProcess web": rpc.NewFault(rpc.NoFile, "/x")}, "stopProcess web,startProcess web", "ERROR: Process web: no such file"},
		{"clearlog", "q:a", nil, "clearProcessLogs q:a", "Log for q:a cleared"},
		{"clearlog", "web", map[string]error{"clearProcessLogs web": boom}, "clearProcessLogs web", "unexpected rpc fault [30] FAILED: boom"},
		{"start", "nope", nil, "", "No such process named nope"},
		{"stop", "q:*", nil, "", "No such process named q:*"},
		{"restart", "q", nil, "", "No such process named q"},
		{"clearlog", "a b/<c>&d", nil, "", "No such process named a b/<c>&d"},
		{"start", "web", map[string]error{"getProcessInfo web": rpc.NewFault(rpc.ShutdownState)}, "", "unexpected rpc fault [6] SHUTDOWN_STATE"},
	} {
		s := newSite(t, process.Info{Group: "web", Name: "web"}, process.Info{Group: "q", Name: "a"})
		s.faults = tt.faults
		query := "action=" + tt.action
		if tt.name != "" {
			query += "&processname=" + quote(tt.name)
		}
		for _, request := range [][3]string{
			{http.MethodGet, "/index.html?" + query}, {http.MethodGet, "/?" + query}, {http.MethodPost, "/index.html", query},
		} {
			got := s.do(request[0], request[1], request[2])
			message := times.ReplaceAllString(got.message(t), "T")
			if calls := strings.Join(s.taken(), ","); message != tt.message || calls != tt.calls {
				t.Errorf("%s: %q after %s", query, message, calls)
			}
			if !strings.Contains(got.Text, "Error code 301.") || !strings.Contains(got.Text, "Message: Moved Permanently.") {
				t.Errorf("%s: %s", query, got.Text)
			}
		}
	}
}

// times are those of C's ctime.
var times = regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \d{4}$`)

// The address that an action sends to is relative, and the one Supervisor would build but for that.
func TestLocation(t *testing.T) {
	s := newSite(t)
	for name, want := range map[string]string{
		"q:a":     "./?message=No%20such%20process%20named%20q%3Aa",
		"a/b c+d": "./?message=No%20such%20process%20named%20a/b%20c%2Bd",
		"a\r\nb":  "./?message=No%20such%20process%20named%20a%0D%0Ab",
		"é~_.-":   "./?message=No%20such%20process%20named%20%C3%A9~_.-",
	} {
		got := s.do(http.MethodGet, "/index.html?action=stop&processname="+quote(name), "", "Host", "evil.example:99")
		if location := got.Header.Get("Location"); location != want {
			t.Errorf("%q: %s", name, location)
		}
	}
}

func TestActionsRefused(t *testing.T) {
	s := newSite(t, process.Info{Group: "web", Name: "web"})
	for query, want := range map[string]string{
		"action=bogus":                          "unknown action bogus",
		"action=bogus&processname=web":          "unknown action bogus",
		"action=Start&processname=web":          "unknown action Start",
		"action=%3Cscript%3E":                   "unknown action &lt;script&gt;",
		"action=start":                          "start needs a processname",
		"action=stop&processname=":              "stop needs a processname",
		"action=restart&name=web":               "restart needs a processname",
		"action=clearlog&processname=%":         "clearlog needs a processname",
		"action=shutdown&processname=web&x=%zz": "unknown action shutdown",
	} {
		got := s.get("/index.html?" + query)
		if got.StatusCode != http.StatusBadRequest || !strings.Contains(got.Text, "Message: "+want+".") {
			t.Errorf("%s: %s, %s", query, got.Status, got.Text)
		}
	}
	if got := s.do(http.MethodHead, "/index.html?action=stop&processname=web", ""); got.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", got.Status)
	}
	if calls := s.taken(); calls != nil {
		t.Errorf("done nevertheless: %v", calls)
	}
}
