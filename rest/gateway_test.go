package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rpc"
)

// site is a gateway over the real rows, whose calls are only noted.
type site struct {
	t     *testing.T
	url   string
	calls []string
	value any   // what each call returns
	err   error // or fails with
}

func newSite(t *testing.T, change func(*rest.Config)) *site {
	t.Helper()
	s := &site{t: t, value: true}
	table, err := service.Remote(func(_ context.Context, method string, args rpc.Args) (any, error) {
		text, err := rpc.AppendJSON(nil, []any(args))
		if err != nil {
			return nil, err
		}
		s.calls = append(s.calls, method+string(text))
		return s.value, s.err
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := rest.Config{Table: table, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	g, err := rest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.url = doortest.Serve(t, g)
	return s
}

// do sends a request; headers are names and values in turn.
func (s *site) do(verb, target, body string, headers ...string) doortest.Answer {
	s.t.Helper()
	return doortest.Do(s.t, verb, s.url, target, body, headers...)
}

// routes are the 82 of Supvisors' gateway and what is beside them, with the call that each stands for.
const routes = `
GET /system/listMethods  system.listMethods[]
GET /system/methodHelp/supervisor.getState  system.methodHelp["supervisor.getState"]
GET /system/methodSignature/x  system.methodSignature["x"]
GET /supervisor/getAPIVersion  supervisor.getAPIVersion[]
GET /supervisor/getSupervisorVersion  supervisor.getSupervisorVersion[]
GET /supervisor/getIdentification  supervisor.getIdentification[]
GET /supervisor/getState  supervisor.getState[]
GET /supervisor/getPID  supervisor.getPID[]
GET /supervisor/readLog/-100/0  supervisor.readLog[-100, 0]
POST /supervisor/clearLog  supervisor.clearLog[]
POST /supervisor/shutdown  supervisor.shutdown[]
POST /supervisor/restart  supervisor.restart[]
POST /supervisor/reloadConfig  supervisor.reloadConfig[]
POST /supervisor/addProcessGroup/g  supervisor.addProcessGroup["g"]
POST /supervisor/removeProcessGroup/g  supervisor.removeProcessGroup["g"]
POST /supervisor/startProcess/g:p?wait=false  supervisor.startProcess["g:p", false]
POST /supervisor/startProcessGroup/g  supervisor.startProcessGroup["g", true]
POST /supervisor/startAllProcesses  supervisor.startAllProcesses[true]
POST /supervisor/stopProcess/g%3ap  supervisor.stopProcess["g:p", true]
POST /supervisor/stopProcessGroup/g?wait=0  supervisor.stopProcessGroup["g", false]
POST /supervisor/stopAllProcesses?wait=OFF&wait=x  400
POST /supervisor/stopAllProcesses?wait=False  supervisor.stopAllProcesses[false]
POST /supervisor/signalProcess/p/HUP  supervisor.signalProcess["p", "HUP"]
POST /supervisor/signalProcessGroup/g/1  supervisor.signalProcessGroup["g", "1"]
POST /supervisor/signalAllProcesses/USR1  supervisor.signalAllProcesses["USR1"]
GET /supervisor/getAllConfigInfo  supervisor.getAllConfigInfo[]
GET /supervisor/getProcessInfo/p  supervisor.getProcessInfo["p"]
GET /supervisor/getAllProcessInfo  supervisor.getAllProcessInfo[]
GET /supervisor/readProcessStdoutLog/p/-10/0  supervisor.readProcessStdoutLog["p", -10, 0]
GET /supervisor/readProcessStderrLog/p/0/10  supervisor.readProcessStderrLog["p", 0, 10]
GET /supervisor/tailProcessStdoutLog/p/0/10  supervisor.tailProcessStdoutLog["p", 0, 10]
GET /supervisor/tailProcessStderrLog/p/-1/10  supervisor.tailProcessStderrLog["p", -1, 10]
POST /supervisor/clearProcessLogs/p  supervisor.clearProcessLogs["p"]
POST /supervisor/clearAllProcessLogs  supervisor.clearAllProcessLogs[]
POST /supervisor/sendProcessStdin/p/a%2Fb%20c  supervisor.sendProcessStdin["p", "a/b c"]
POST /supervisor/sendRemoteCommEvent/t/d  supervisor.sendRemoteCommEvent["t", "d"]
GET /supvisors/api_version  supvisors.get_api_version[]
GET /supvisors/supvisors_state  supvisors.get_supvisors_state[]
GET /supvisors/all_instances_state_modes  supvisors.get_all_instances_state_modes[]
GET /supvisors/instance_state_modes/n1:60000  supvisors.get_instance_state_modes["n1:60000"]
GET /supvisors/master_identifier  supvisors.get_master_identifier[]
GET /supvisors/strategies  supvisors.get_strategies[]
GET /supvisors/statistics_status  supvisors.get_statistics_status[]
GET /supvisors/network_info/n1  supvisors.get_network_info["n1"]
GET /supvisors/all_instances_info  supvisors.get_all_instances_info[]
GET /supvisors/instance_info/n1  supvisors.get_instance_info["n1"]
GET /supvisors/all_applications_info  supvisors.get_all_applications_info[]
GET /supvisors/application_info/a  supvisors.get_application_info["a"]
GET /supvisors/application_rules/a  supvisors.get_application_rules["a"]
GET /supvisors/all_process_info  supvisors.get_all_process_info[]
GET /supvisors/process_info/my_movies%3Aconverter_00  supvisors.get_process_info["my_movies:converter_00"]
GET /supvisors/process_info/grp%3A%2A  supvisors.get_process_info["grp:*"]
GET /supvisors/all_local_process_info  supvisors.get_all_local_process_info[]
GET /supvisors/local_process_info/p  supvisors.get_local_process_info["p"]
GET /supvisors/all_inner_process_info/n1  supvisors.get_all_inner_process_info["n1"]
GET /supvisors/inner_process_info/n1/p  supvisors.get_inner_process_info["n1", "p"]
GET /supvisors/process_rules/g:*  supvisors.get_process_rules["g:*"]
GET /supvisors/conflicts  supvisors.get_conflicts[]
POST /supvisors/start_application/CONFIG/a?wait=1  supvisors.start_application["CONFIG", "a", true]
POST /supvisors/test_start_application/LESS_LOADED/a  supvisors.test_start_application["LESS_LOADED", "a"]
POST /supvisors/stop_application/a  supvisors.stop_application["a", true]
POST /supvisors/restart_application/LOCAL/a  supvisors.restart_application["LOCAL", "a", true]
POST /supvisors/start_args/p?extra_args=-x%202  supvisors.start_args["p", "-x 2", true]
POST /supvisors/start_process/MOST_LOADED/g:p?extra_args=%22a%20b%22+c&wait=false  supvisors.start_process["MOST_LOADED", "g:p", "\"a b\" c", false]
POST /supvisors/test_start_process/MOST_LOADED_NODE/p  supvisors.test_start_process["MOST_LOADED_NODE", "p"]
POST /supvisors/start_any_process/LESS_LOADED_NODE/conv_.%2F%5B  supvisors.start_any_process["LESS_LOADED_NODE", "conv_./[", "", true]
POST /supvisors/stop_process/g:*  supvisors.stop_process["g:*", true]
POST /supvisors/restart_process/CONFIG/p?extra_args=%26%2B  supvisors.restart_process["CONFIG", "p", "&+", true]
POST /supvisors/lazy_update_numprocs/conv/3  supvisors.update_numprocs["conv", 3, true, true]
POST /supvisors/update_numprocs/conv/3?wait=false  supvisors.update_numprocs["conv", 3, false, false]
POST /supvisors/enable/conv  supvisors.enable["conv", true]
POST /supvisors/disable/conv?wait=false  supvisors.disable["conv", false]
POST /supvisors/conciliate/SENICIDE  supvisors.conciliate["SENICIDE"]
POST /supvisors/restart_sequence  supvisors.restart_sequence[true]
POST /supvisors/restart  supvisors.restart[]
POST /supvisors/shutdown  supvisors.shutdown[]
POST /supvisors/end_sync  supvisors.end_sync[""]
POST /supvisors/end_sync/n1  supvisors.end_sync["n1"]
POST /supvisors/change_log_level/debug  supvisors.change_log_level["debug"]
POST /supvisors/enable_host_statistics  supvisors.enable_host_statistics[true]
POST /supvisors/disable_host_statistics  supvisors.enable_host_statistics[false]
POST /supvisors/enable_process_statistics  supvisors.enable_process_statistics[true]
POST /supvisors/disable_process_statistics  supvisors.enable_process_statistics[false]
POST /supvisors/update_collecting_period/7.7  supvisors.update_collecting_period[7.7]
POST /supvisors/update_collecting_period/7  supvisors.update_collecting_period[7.0]
POST /supvisors/update_collecting_period/-.5  supvisors.update_collecting_period[-0.5]
GET /supvisors/core_identifiers  supvisors.get_core_identifiers[]
GET /supvisors/logger_levels  supvisors.get_logger_levels[]
`

// templates are the paths of Supvisors' gateway, 82 of them.
func templates() map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(routes)) {
		target, _, _ := strings.Cut(line, "  ")
		verb, path, _ := strings.Cut(target, " ")
		path, _, _ = strings.Cut(path, "?")
		parts := strings.Split(path, "/")
		found[fmt.Sprint(verb, " ", parts[1], "/", parts[2], " ", len(parts))] = true
	}
	return found
}

func TestRoutes(t *testing.T) {
	s := newSite(t, nil)
	for line := range strings.Lines(strings.TrimSpace(routes)) {
		target, want, _ := strings.Cut(strings.TrimSpace(line), "  ")
		verb, path, _ := strings.Cut(target, " ")
		s.calls = nil
		got := s.do(verb, path, "")
		if want == "400" {
			if got.StatusCode != 400 || s.calls != nil {
				t.Errorf("%s: %s, %q", target, got.Status, s.calls)
			}
			continue
		}
		if !slices.Equal(s.calls, []string{want}) || got.StatusCode != 200 || got.Text != "true\n" || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %q, calls %q, wanted %s", target, got.Status, got.Text, s.calls, want)
		}
		other := map[string]string{"GET": "POST", "POST": "GET"}[verb]
		wrong := s.do(other, path, "")
		if wrong.StatusCode != 405 || !strings.Contains(wrong.Header.Get("Allow"), verb) || wrong.Text != `{"message": "The method is not allowed for the requested URL."}`+"\n" {
			t.Errorf("%s %s: %s %q", other, path, wrong.Status, wrong.Text)
		}
		if head := s.do("HEAD", path, ""); (head.StatusCode == 200) != (verb == "GET") || head.Text != "" {
			t.Errorf("HEAD %s: %s", path, head.Status)
		}
		if options := s.do("OPTIONS", path, ""); options.StatusCode != 200 || options.Text != "" || options.Header.Get("Allow") != wrong.Header.Get("Allow") {
			t.Errorf("OPTIONS %s: %s %q", path, options.Status, options.Header)
		}
		if short := s.do(verb, path[:strings.LastIndex(path, "/")], ""); strings.Count(path, "/") > 2 && !strings.Contains(path, "/send") && short.StatusCode != 404 && !strings.Contains(path, "end_sync") {
			t.Errorf("%s without its end: %s", target, short.Status)
		}
	}
	if n := len(templates()); n != 82+2 { // core_identifiers and logger_levels
		t.Errorf("%d routes are tried", n)
	}
}

// Fields come from a JSON body first, then from the query or a form; the whole body of some routes is a parameter.
func TestBodies(t *testing.T) {
	s := newSite(t, nil)
	const jsonType, form = "application/json", "application/x-www-form-urlencoded"
	for _, tt := range []struct{ path, kind, body, want string }{
		{"/supvisors/start_args/p?wait=true&extra_args=q", jsonType, `{"wait": false, "extra_args": "b"}`, `supvisors.start_args["p", "b", false]`},
		{"/supvisors/start_args/p", jsonType + "; charset=utf-8", `{"wait": "off"}`, "400 Invalid literal for boolean(): off"},
		{"/supvisors/start_args/p", jsonType, `{"wait": "0"}`, `supvisors.start_args["p", "", false]`},
		{"/supvisors/start_args/p", jsonType, `{"wait": 1}`, `supvisors.start_args["p", "", true]`},
		{"/supvisors/start_args/p", jsonType, `{"extra_args": ["x"]}`, "400 is not a string"},
		{"/supvisors/start_args/p", jsonType, `{"wait": fal`, `supvisors.start_args["p", "", true]`},
		{"/supvisors/start_args/p", "text/plain", `{"wait": false}`, `supvisors.start_args["p", "", true]`},
		{"/supvisors/start_args/p", form, `extra_args=a+b&wait=`, `supvisors.start_args["p", "a b", false]`},
		{"/supvisors/start_args/p?extra_args=%zz", "", "", "400 the query cannot be read"},
		{"/supervisor/sendProcessStdin/p", "text/plain", "two\nlines/", `supervisor.sendProcessStdin["p", "two\nlines/"]`},
		{"/supervisor/sendRemoteCommEvent/t", "", "", `supervisor.sendRemoteCommEvent["t", ""]`},
		{"/system/multicall", jsonType, `[{"methodName": "m", "params": [1, 2.5, "x", true, [], {"b": 1, "a": 2}]}]`,
			`system.multicall[[{"methodName": "m", "params": [1, 2.5, "x", true, [], {"b": 1, "a": 2}]}]]`},
		{"/system/multicall", "", ``, "400 INCORRECT_PARAMETERS"},
		{"/system/multicall", jsonType, `{}`, "400 INCORRECT_PARAMETERS"},
		{"/system/multicall", jsonType, `[`, "400 the body is not JSON"},
		{"/system/multicall", jsonType, `[] []`, "400 something follows"},
		{"/system/multicall", jsonType, strings.Repeat("[", 100) + strings.Repeat("]", 100), "400 nested deeper"},
		{"/rpc/supervisor.getState", "", "", `supervisor.getState[]`},
		{"/rpc/supervisor.readLog", jsonType, "[0, 10]", `supervisor.readLog[0, 10]`},
		{"/rpc/supervisor.readLog", jsonType, "[0]", "400 INCORRECT_PARAMETERS"},
		{"/rpc/supervisor.readLog", jsonType, `{"offset": 0}`, "400 not an array"},
		{"/rpc/supervisor.readLog", jsonType, `[null, 1]`, "400 null has no meaning"},
		{"/rpc/supervisor.readLog", jsonType, `[1e99, 1]`, "400 offset is not of type int"},
		{"/rpc/supervisor.getVersion", "", "", `supervisor.getVersion[]`},
		{"/rpc/nothing.here", "", "", "400 UNKNOWN_METHOD"},
		{"/rpc/supervisor.getState", jsonType, strings.Repeat(" ", 1<<20) + "[]", "413 Request Entity Too Large"},
	} {
		s.calls = nil
		headers := []string{}
		if tt.kind != "" {
			headers = append(headers, "Content-Type", tt.kind)
		}
		got := s.do("POST", tt.path, tt.body, headers...)
		status, part, failed := strings.Cut(tt.want, " ")
		if !strings.HasPrefix(tt.want, "4") {
			if !slices.Equal(s.calls, []string{tt.want}) || got.StatusCode != 200 {
				t.Errorf("%s %.40s: %s %q, calls %q", tt.path, tt.body, got.Status, got.Text, s.calls)
			}
		} else if !failed || fmt.Sprint(got.StatusCode) != status || !strings.Contains(got.Text, part) || s.calls != nil {
			t.Errorf("%s %.40s: %s %q, calls %q; wanted %s", tt.path, tt.body, got.Status, got.Text, s.calls, tt.want)
		}
	}
}

// What leads nowhere and what is wrong: status, body, and that nothing was called.
func TestBadInput(t *testing.T) {
	s := newSite(t, nil)
	strategies := "CONFIG, LESS_LOADED, MOST_LOADED, LOCAL, LESS_LOADED_NODE, MOST_LOADED_NODE"
	for _, tt := range []struct {
		verb, path string
		status     int
		message    string
		code       any
		headers    []string
	}{
		{"GET", "/supvisors/supvisors_state/", 404, "there is no /supvisors/supvisors_state/", nil, nil},
		{"GET", "/supvisors//supvisors_state?x=1", 308, "the path is /supvisors/supvisors_state?x=1", nil, nil},
		{"GET", "/supvisors/local_supvisors_info", 404, "there is no /supvisors/local_supvisors_info", nil, nil},
		{"GET", "/supvisors/get_supvisors_state", 404, "there is no /supvisors/get_supvisors_state", nil, nil},
		{"GET", "/supervisor/getstate", 404, "there is no /supervisor/getstate", nil, nil},
		{"GET", "/supervisor/getVersion", 404, "there is no /supervisor/getVersion", nil, nil},
		{"GET", "/rpc", 404, "there is no /rpc", nil, nil},
		{"GET", "/", 404, "there is no /", nil, nil},
		{"POST", "/supvisors/start_process/config/p", 404, "strategy: config is none of " + strategies, 2., nil},
		{"POST", "/supvisors/start_process/0/p", 404, "strategy: 0 is none of " + strategies, 2., nil},
		{"POST", "/supvisors/conciliate/CONFIG", 404, "strategy: CONFIG is none of SENICIDE, INFANTICIDE, USER, STOP, RESTART, RUNNING_FAILURE", 2., nil},
		{"POST", "/supvisors/change_log_level/DEBUG", 404, "log_level: DEBUG is none of critical, error, warn, info, debug, trace, blather", 2., nil},
		{"GET", "/supervisor/readLog/x/0", 404, "offset: x is not an integer", 2., nil},
		{"GET", "/supervisor/readLog/+1/0", 404, "offset: +1 is not an integer", 2., nil},
		{"GET", "/supervisor/readLog/1.5/0", 404, "offset: 1.5 is not an integer", 2., nil},
		{"GET", "/supervisor/readLog/99999999999999999999/0", 404, "offset: 99999999999999999999 is not an integer", 2., nil},
		{"POST", "/supvisors/update_numprocs/conv/many", 404, "numprocs: many is not an integer", 2., nil},
		{"POST", "/supvisors/update_collecting_period/nan", 404, "period: nan is not a number", 2., nil},
		{"POST", "/supvisors/update_collecting_period/1e3", 404, "period: 1e3 is not a number", 2., nil},
		{"PUT", "/supervisor/clearLog", 405, "The method is not allowed for the requested URL.", nil, nil},
		{"POST", "/supervisor/stopAllProcesses", 403, "a page of another site must not do this", nil, []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", "/supervisor/stopAllProcesses", 403, "a page of another site must not do this", nil, []string{"Origin", "http://evil.example"}},
		{"POST", "/supervisor/stopAllProcesses", 403, "a page of another site must not do this", nil, []string{"Origin", "null"}},
	} {
		s.calls = nil
		got := s.do(tt.verb, tt.path, "", tt.headers...)
		var body map[string]any
		if err := json.Unmarshal([]byte(got.Text), &body); err != nil || got.StatusCode != tt.status || body["message"] != tt.message || body["code"] != tt.code || s.calls != nil {
			t.Errorf("%s %s: %s %s %v", tt.verb, tt.path, got.Status, got.Text, s.calls)
		}
		if got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s", tt.verb, tt.path, got.Header)
		}
	}
	bad := s.do("POST", "/supervisor/startProcess/p?wait=maybe", "")
	if want := `{"errors": {"wait": "whether to answer when all is done Invalid literal for boolean(): maybe"}, "message": "Input payload validation failed"}` + "\n"; bad.StatusCode != 400 || bad.Text != want {
		t.Errorf("%s %s", bad.Status, bad.Text)
	}
	for _, path := range []string{"/supervisor/getProcessInfo/%", "/supervisor/getProcessInfo/%zz", "/supervisor/getProcessInfo/%2"} {
		if got := s.do("GET", path, ""); got.StatusCode != 400 || s.calls != nil { // net/http itself refuses these
			t.Errorf("%s: %s %v", path, got.Status, s.calls)
		}
	}
}

// Another site that is trusted may do what its pages do.
func TestTrustedOrigin(t *testing.T) {
	s := newSite(t, func(c *rest.Config) { c.Origins = []string{"https://ops.example.com"} })
	if got := s.do("POST", "/supervisor/clearLog", "", "Origin", "https://ops.example.com"); got.StatusCode != 200 {
		t.Error(got.Status)
	}
	if _, err := rest.New(rest.Config{Table: &rpc.Table{}, Origins: []string{"nonsense"}}); err == nil {
		t.Error("an origin that is none is taken")
	}
}

// A fault is 400, or what fault_status = rich makes of it; a daemon that cannot be asked is 500, one that lacks the method 501.
func TestFaults(t *testing.T) {
	plain, rich := newSite(t, nil), newSite(t, func(c *rest.Config) { c.Rich = true })
	for code, status := range map[int]int{
		rpc.BadName: 404, rpc.AlreadyStarted: 409, rpc.AlreadyAdded: 409, rpc.NotRunning: 409, rpc.StillRunning: 409, rpc.Disabled: 409,
		rpc.NotManaged: 409, rpc.NotApplicable: 409, rpc.BadSupvisorsState: 503, rpc.ShutdownState: 503, rpc.NotInstalled: 501,
		rpc.Failed: 400, rpc.IncorrectParameters: 400, rpc.SpawnError: 400,
	} {
		for s, want := range map[*site]int{plain: 400, rich: status} {
			s.err = fmt.Errorf("wrapped: %w", rpc.NewFault(code, "<x>"))
			got := s.do("GET", "/supervisor/getState", "")
			text := fmt.Sprintf(`{"message": "%s: <x>", "code": %d}`+"\n", rpc.FaultName(code), code)
			if got.StatusCode != want || got.Text != text || got.Header.Get("X-Supvisors-Fault") != rpc.FaultName(code) {
				t.Errorf("%d: %s %s", code, got.Status, got.Text)
			}
		}
	}
	plain.err = errors.New("connection refused")
	if got := plain.do("GET", "/supervisor/getState", ""); got.StatusCode != 500 || got.Text != `{"message": "connection refused", "code": 30}`+"\n" {
		t.Errorf("%s %s", got.Status, got.Text)
	}
	plain.err = rpc.NewFault(rpc.UnknownMethod)
	if got := plain.do("GET", "/supervisor/getState", ""); got.StatusCode != 501 || !strings.Contains(got.Text, "supervisor.getState") {
		t.Errorf("%s %s", got.Status, got.Text)
	}
}

// Values are written as they are.
func TestValues(t *testing.T) {
	s := newSite(t, nil)
	s.value = rpc.Map{{Name: "text", Value: "<a>&\x00\xff"}, {Name: "float", Value: 5.0}, {Name: "list", Value: []string{}}}
	if got := s.do("GET", "/supervisor/getState", ""); got.Text != `{"text": "<a>&\u0000`+"\ufffd"+`", "float": 5.0, "list": []}`+"\n" {
		t.Error(got.Text)
	}
	s.value = func() {}
	if got := s.do("GET", "/supervisor/getState", ""); got.StatusCode != 500 || !json.Valid([]byte(got.Text)) {
		t.Errorf("%s %s", got.Status, got.Text)
	}
}

// A client that is too slow with its body is told so, and one that leaves amid a call ends its waiting.
func TestSlowClients(t *testing.T) {
	waiting, left := make(chan struct{}), make(chan error, 1)
	table, err := service.Remote(func(ctx context.Context, _ string, _ rpc.Args) (any, error) {
		close(waiting)
		<-ctx.Done()
		left <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := rest.New(rest.Config{Table: table, BodyTimeout: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	url := doortest.Serve(t, g)
	const head = "POST /supvisors/start_args/p HTTP/1.1\r\nHost: h\r\n"
	slow := doortest.Dial(t, url, head+"Content-Length: 10\r\n\r\n{")
	reply, err := io.ReadAll(slow)
	if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 408") || !strings.Contains(string(reply), `{"message": "Request Timeout"}`) {
		t.Errorf("%s, %v", reply, err)
	}
	leaver := doortest.Dial(t, url, head+"Content-Length: 0\r\n\r\n")
	<-waiting
	leaver.Close()
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Error("the call goes on waiting")
	}
}

// FuzzRequest: whatever path, query and body come, the answer is JSON with a status that says what it is, and a row is only called with
// arguments of its types.
func FuzzRequest(f *testing.F) {
	for line := range strings.Lines(routes) {
		if fields := strings.Fields(line); len(fields) > 1 {
			f.Add(fields[0] == "POST", fields[1], "", "")
		}
	}
	f.Add(true, "/supvisors/start_args/p?wait=1", "application/json; charset=utf-8", `{"wait": "0", "extra_args": "a"}`)
	f.Add(true, "/supvisors/start_args/p", "application/x-www-form-urlencoded", `wait=on&extra_args=%41`)
	f.Add(true, "/system/multicall", "application/json", `[{"methodName": "m", "params": [1, 2.5, [], {"b": 1e400}]}]`)
	f.Add(true, "/rpc/supervisor.readLog", "x/y+json", `[0, -10]`)
	table, err := service.Remote(func(_ context.Context, method string, args rpc.Args) (any, error) { return []any(args), nil })
	if err != nil {
		f.Fatal(err)
	}
	g, err := rest.New(rest.Config{Table: table, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, post bool, target, media, body string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(u.Path, "/rest") || strings.HasPrefix(u.Path, "/swagger") {
			t.Skip("no path of a method")
		}
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.URL, r.RequestURI = u, target
		if post {
			r.Method = "POST"
		}
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		switch w.Code {
		case 200, 308, 400, 404, 405:
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}
