package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/porttest"
)

// reply is the answer to a request.
type reply struct {
	code int
	text string
	head http.Header
}

// send sends a request with headers, names and values in turn, over a client, nil for the usual one.
func send(t *testing.T, client *http.Client, verb, url string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		if headers[i] == "Authorization" {
			user, password, _ := strings.Cut(headers[i+1], ":")
			r.SetBasicAuth(user, password)
		}
	}
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, string(data), resp.Header}
}

// REST is on the port and the socket of the node, and on listeners of its own, each with the protection that its section gives it.
func TestREST(t *testing.T) {
	p := newPlace(t)
	ports := porttest.Free(t, 2)
	open, closed := ports[0], ports[1]
	p.write("conf", base+"username=u\npassword=p\n[rest:open]\nport=127.0.0.1:"+open+"\nusername=r\npassword=q\nprefix=/api\nfault_status=rich\nmetrics=true\n"+
		"cors_origins=https://ops.example.com\n[rest]\nport=127.0.0.1:"+closed+"\n[rest:file]\nport=@DIR@/rest.sock\n"+idle)
	d := p.start()
	node, own, file := "http://127.0.0.1:"+p.port, "http://127.0.0.1:"+open+"/api", "http://unix"
	unix := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.path("rest.sock"))
	}}}
	socket := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", p.path("sock"))
	}}}
	const running = `{"statecode": 1, "statename": "RUNNING"}` + "\n"
	for _, tt := range []struct {
		name    string
		client  *http.Client
		verb    string
		url     string
		headers []string
		code    int
		text    string // "" for any
	}{
		{"the node", nil, "GET", node + "/supervisor/getState", []string{"Authorization", "u:p"}, 200, running},
		{"the node without a login", nil, "GET", node + "/supervisor/getState", nil, 401, `{"message": "Unauthorized"}` + "\n"},
		{"metrics of the node without a login", nil, "GET", node + "/metrics", nil, 401, "Unauthorized\n"},
		{"the socket of the node", socket, "GET", file + "/supervisor/getState", nil, 200, running},
		{"a listener", nil, "GET", own + "/supervisor/getState", []string{"Authorization", "r:q"}, 200, running},
		{"a listener with the login of another", nil, "GET", own + "/supervisor/getState", []string{"Authorization", "u:p"}, 401, `{"message": "Unauthorized"}` + "\n"},
		{"a listener without its prefix", nil, "GET", "http://127.0.0.1:" + open + "/supervisor/getState", []string{"Authorization", "r:q"}, 404, ""},
		{"a rich fault", nil, "GET", own + "/supervisor/getProcessInfo/x", []string{"Authorization", "r:q"}, 404, `{"message": "BAD_NAME: x", "code": 10}` + "\n"},
		{"a plain fault", nil, "GET", node + "/supervisor/getProcessInfo/x", []string{"Authorization", "u:p"}, 400, `{"message": "BAD_NAME: x", "code": 10}` + "\n"},
		{"the login of the node", nil, "GET", "http://127.0.0.1:" + closed + "/supervisor/getState", []string{"Authorization", "u:p"}, 200, running},
		{"the first page", nil, "GET", own + "/", []string{"Authorization", "r:q"}, 302, ""},
		{"its metrics", nil, "GET", own + "/metrics", []string{"Authorization", "r:q"}, 200, ""},
		{"metrics that are not wanted", nil, "GET", "http://127.0.0.1:" + closed + "/metrics", []string{"Authorization", "u:p"}, 404, ""},
		{"no XML-RPC", nil, "POST", own + "/RPC2", []string{"Authorization", "r:q"}, 404, ""},
		{"a trusted page", nil, "POST", own + "/supervisor/clearLog", []string{"Authorization", "r:q", "Origin", "https://ops.example.com"}, 200, "true\n"},
		{"another page", nil, "POST", own + "/supervisor/clearLog", []string{"Authorization", "r:q", "Origin", "https://evil.example"}, 403, ""},
		{"that page at the node", nil, "POST", node + "/supervisor/clearLog", []string{"Authorization", "u:p", "Origin", "https://ops.example.com"}, 403, ""},
		{"a Unix socket", unix, "GET", file + "/supervisor/getState", nil, 200, running},
		{"Swagger", unix, "GET", file + "/swagger/", nil, 200, ""},
	} {
		got := send(t, tt.client, tt.verb, tt.url, tt.headers...)
		if got.code != tt.code || tt.text != "" && got.text != tt.text {
			t.Errorf("%s: %d %.200s", tt.name, got.code, got.text)
		}
	}
	d.stop()
	p.clean()
}

// A REST port that is open to browsers takes those only that call it by a name of this host.
func TestRESTHost(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"[rest]\nport=127.0.0.1:"+porttest.Free(t, 1)[0]+"\nallowed_hosts=ops.example.com\n")
	port := strings.Split(strings.Split(p.read("conf"), "[rest]\nport=127.0.0.1:")[1], "\n")[0]
	d := p.start()
	for host, want := range map[string]int{"ops.example.com": 200, "localhost": 200, "evil.example": 403} {
		if got := send(t, nil, "GET", "http://127.0.0.1:"+port+"/supervisor/getState", "Host", host, "Accept-Language", "en"); got.code != want {
			t.Errorf("%s: %d %s", host, got.code, got.text)
		}
	}
	d.stop()
}

// The events of a daemon, with and without a cluster, can be followed.
func TestRESTEvents(t *testing.T) {
	for _, section := range []string{"", clustered[len(base):]} {
		p := newPlace(t)
		p.write("conf", base+section+idle)
		p.write("rules.xml", "<root/>\n")
		d := p.start()
		p.until("the program runs", func() bool {
			got := send(t, nil, "GET", "http://127.0.0.1:"+p.port+"/supervisor/getProcessInfo/idle")
			return strings.Contains(got.text, `"RUNNING"`)
		})
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:"+p.port+"/events?type=event&process=idle", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := send(t, nil, "POST", "http://127.0.0.1:"+p.port+"/supervisor/stopProcess/idle"); got.text != "true\n" {
			t.Fatalf("%d %s", got.code, got.text)
		}
		var states []int
		lines := bufio.NewScanner(resp.Body)
		for len(states) < 2 && lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var event struct {
					Group, Name string
					State       int
				}
				if err := json.Unmarshal([]byte(data), &event); err != nil || event.Group != "idle" || event.Name != "idle" {
					t.Errorf("%s: %v", data, err)
				}
				states = append(states, event.State)
			}
		}
		if len(states) != 2 || states[0] != 40 || states[1] != 0 {
			t.Errorf("states %v", states)
		}
		d.stop() // and the stream does not hold it up
		resp.Body.Close()
	}
}

// The examples of Supvisors' REST interface, in their order, on a node that is alone.
func TestRESTExamples(t *testing.T) {
	p := newPlace(t)
	p.write("conf", clustered+`[program:conv]
command=@SELF@ play idle
process_name=conv_%(process_num)02d
numprocs=3
autostart=false
startsecs=0
[group:grp]
programs=conv
[program:catp]
command=/bin/cat
startsecs=0
`)
	p.write("rules.xml", "<root/>\n")
	d := p.start()
	base := "http://127.0.0.1:" + p.port
	p.until("OPERATION", func() bool {
		return strings.Contains(send(t, nil, "GET", base+"/supvisors/supvisors_state").text, `"OPERATION"`)
	})
	p.until("catp runs", func() bool {
		return strings.Contains(send(t, nil, "GET", base+"/supervisor/getProcessInfo/catp").text, `"RUNNING"`)
	})
	const begins, holds = "^", "~" // how the body is compared; else it is the whole body
	for _, tt := range []struct {
		verb, path string
		code       int
		body       string
	}{
		{"GET", "/supvisors/supvisors_state", 200, holds + `"fsm_statename": "OPERATION"`},
		{"GET", "/supvisors/application_info/dummy", 400, `{"message": "BAD_NAME: application=dummy unknown to Supvisors", "code": 10}`},
		{"POST", "/supvisors/start_process/CONFIG/grp%3Aconv_00?extra_args=-x%202", 200, "true"},
		{"POST", "/supvisors/start_process/CONFIG/grp%3Aconv_00?extra_args=-x%202&wait=false", 400, holds + `"code": 60}`},
		{"GET", "/supvisors/process_info/grp:conv_00", 200, holds + `"extra_args": "-x 2"`},
		{"POST", "/supvisors/stop_process/grp:*", 200, "true"},
		{"POST", "/supvisors/stop_process/grp:*", 400, holds + `"code": 70}`},
		{"POST", "/supvisors/start_process/config/grp:conv_00", 404, holds + "CONFIG, LESS_LOADED, MOST_LOADED, LOCAL, LESS_LOADED_NODE, MOST_LOADED_NODE"},
		{"POST", "/supvisors/start_any_process/CONFIG/conv_?wait=false", 200, `"grp:conv_00"`},
		{"POST", "/supvisors/start_any_process/CONFIG/%5B", 400, holds + `"code": 2}`},
		{"POST", "/supervisor/startProcess/grp:conv_01?wait=maybe", 400, begins + `{"errors": {"wait": `},
		{"POST", "/supervisor/startProcessGroup/grp", 200, holds + `"status": 80`},
		{"POST", "/supvisors/update_numprocs/conv/0", 400, holds + `"code": 2}`},
		{"POST", "/supvisors/update_numprocs/catp/3", 400, holds + `"code": 104}`},
		{"POST", "/supvisors/disable/catp", 200, "true"},
		{"POST", "/supervisor/startProcess/catp", 400, holds + `"code": 103}`},
		{"POST", "/supvisors/enable/catp", 200, "true"},
		{"POST", "/supvisors/conciliate/SENICIDE", 400, holds + `"code": 101}`},
		{"GET", "/supervisor/readLog/-100/0", 200, begins + `"`},
		{"GET", "/supervisor/tailProcessStdoutLog/grp:conv_00/0/10", 200, begins + `["`},
		{"POST", "/supervisor/addProcessGroup/grp", 400, holds + `"code": 90}`},
		{"POST", "/supervisor/sendProcessStdin/catp/a%2Fb", 200, "true"},
		{"POST", "/supvisors/update_collecting_period/7.7", 200, "true"},
		{"GET", "/supvisors/statistics_status", 200, holds + `"collecting_period": 7.7`},
		{"GET", "/supvisors/local_supvisors_info", 404, begins + `{"message": `},
	} {
		got := send(t, nil, tt.verb, base+tt.path)
		text := strings.TrimSuffix(got.text, "\n")
		fits := text == tt.body
		if part, ok := strings.CutPrefix(tt.body, begins); ok {
			fits = strings.HasPrefix(text, part)
		} else if part, ok := strings.CutPrefix(tt.body, holds); ok {
			fits = strings.Contains(text, part)
		}
		if got.code != tt.code || !fits || !json.Valid([]byte(text)) {
			t.Errorf("%s %s: %d %.300s", tt.verb, tt.path, got.code, text)
		}
	}
	d.stop()
}
