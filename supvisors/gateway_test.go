package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/rpc"
)

func TestGatewayCommandLine(t *testing.T) {
	environment := map[string]string{}
	for _, tt := range []struct {
		args string
		env  string
		want gatewayOptions
		err  string
	}{
		{"-u http://h:1", "", gatewayOptions{client: rpc.ClientConfig{URL: "http://h:1"}, address: listener.Address{Host: "127.0.0.1", Port: 5000}}, ""},
		{"--supervisor_url=http://h:1 -h 0.0.0.0 -p 80 -d", "", gatewayOptions{client: rpc.ClientConfig{URL: "http://h:1"},
			address: listener.Address{Host: "0.0.0.0", Port: 80}, level: slog.LevelDebug}, ""},
		{"--host h --port 0 --debug", "http://e:2", gatewayOptions{client: rpc.ClientConfig{URL: "http://e:2"}, address: listener.Address{Host: "h"}, level: slog.LevelDebug}, ""},
		{"--help", "", gatewayOptions{address: listener.Address{Host: "127.0.0.1", Port: 5000}, help: true}, ""},
		{"", "", gatewayOptions{}, "the daemon is not named: -u URL or SUPERVISOR_SERVER_URL is needed"},
		{"-u x -p many", "", gatewayOptions{}, `-p: "many" is not a port`},
		{"-u x -p 70000", "", gatewayOptions{}, `-p: "70000" is not a port`},
		{"-u x more", "", gatewayOptions{}, `positional arguments are not supported: ["more"]`},
		{"-x", "", gatewayOptions{}, "option -x not recognized"},
	} {
		environment["SUPERVISOR_SERVER_URL"] = tt.env
		got, err := parseGateway(strings.Fields(tt.args), func(name string) string { return environment[name] })
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%q: %v, want %s", tt.args, err, tt.err)
			}
			continue
		}
		if err != nil || got.client.URL != tt.want.client.URL || got.address != tt.want.address || got.level != tt.want.level || got.help != tt.want.help {
			t.Errorf("%q: %+v, %v", tt.args, got, err)
		}
	}
	var out, failed bytes.Buffer
	if code := command([]string{"supvisors", "rest", "--help"}, &out, &failed); code != 0 || !strings.HasPrefix(out.String(), "supvisors rest --") {
		t.Errorf("%d %q %q", code, out.String(), failed.String())
	}
	if code := command([]string{"supvisors", "rest", "-u", "ftp://x"}, &out, &failed); code != 2 || !strings.Contains(failed.String(), "Error: server url") {
		t.Errorf("%d %q", code, failed.String())
	}
}

// startGateway serves REST in front of a daemon and returns its address.
func startGateway(t *testing.T, client rpc.ClientConfig) string {
	t.Helper()
	port := porttest.Free(t, 1)[0]
	address, err := listener.ParseAddress("127.0.0.1:" + port)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- gatewayOptions{client: client, address: address}.serve(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + address.String()
}

// ask sends a request and returns the status and the value.
func askREST(t *testing.T, verb, url string) (int, any) {
	t.Helper()
	var resp *http.Response
	deadline := time.After(patience)
	for {
		r, err := http.NewRequestWithContext(t.Context(), verb, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = http.DefaultClient.Do(r); err == nil {
			break
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(5 * time.Millisecond): // it is about to listen
		}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%s: %s: %v", url, data, err)
	}
	return resp.StatusCode, value
}

// The gateway shows a daemon that asks for a login; when it is gone, that is a 500.
func TestGateway(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"username=u\npassword=p\n"+idle)
	d := p.start()
	at := startGateway(t, rpc.ClientConfig{URL: "http://127.0.0.1:" + p.port, User: "u", Password: "p"})
	if code, state := askREST(t, "GET", at+"/supervisor/getState"); code != 200 || state.(map[string]any)["statename"] != "RUNNING" {
		t.Errorf("%d %v", code, state)
	}
	if code, value := askREST(t, "POST", at+"/supervisor/stopProcess/idle"); code != 200 || value != true {
		t.Errorf("%d %v", code, value)
	}
	if code, fault := askREST(t, "POST", at+"/supervisor/stopProcess/idle"); code != 400 || fault.(map[string]any)["code"] != 70. {
		t.Errorf("%d %v", code, fault)
	}
	if code, fault := askREST(t, "GET", at+"/supvisors/supvisors_state"); code != 501 || fault.(map[string]any)["code"] != 1. {
		t.Errorf("a plain daemon about its cluster: %d %v", code, fault)
	}
	if code, names := askREST(t, "GET", at+"/system/listMethods"); code != 200 || slices.Contains(names.([]any), any("supvisors.get_supvisors_state")) {
		t.Errorf("%d %v", code, names)
	}
	d.stop()
	if code, fault := askREST(t, "GET", at+"/supervisor/getState"); code != 500 || fault.(map[string]any)["code"] != 30. {
		t.Errorf("%d %v", code, fault)
	}
}

// The gateway serves Supervisor itself.
func TestGatewayBeforeSupervisor(t *testing.T) {
	const daemon = "/usr/bin/supervisord"
	if _, err := os.Stat(daemon); err != nil {
		t.Skip(daemon + " is not installed: no other daemon to stand before")
	}
	p := newPlace(t)
	socket := filepath.Join(p.dir, "sock")
	p.write("conf", strings.ReplaceAll(base, "user=root\n", "nodaemon=true\n")+"[rpcinterface:supervisor]\n"+
		"supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[program:cat]\ncommand=/bin/cat\n")
	cmd := exec.Command(daemon, "-c", p.path("conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	at := startGateway(t, rpc.ClientConfig{URL: "unix://" + socket})
	var state any
	p.until("Supervisor answers", func() bool {
		var code int
		code, state = askREST(t, "GET", at+"/supervisor/getProcessInfo/cat")
		return code == 200 && state.(map[string]any)["statename"] == "RUNNING"
	})
	if code, version := askREST(t, "GET", at+"/supervisor/getAPIVersion"); code != 200 || version != "3.0" {
		t.Errorf("%d %v", code, version)
	}
	if code, value := askREST(t, "POST", at+"/supervisor/sendProcessStdin/cat/a%2Fb%0A"); code != 200 || value != true {
		t.Errorf("%d %v", code, value)
	}
	p.until("the program has written what it was told", func() bool {
		_, text := askREST(t, "GET", at+"/supervisor/tailProcessStdoutLog/cat/0/100")
		list, ok := text.([]any)
		return ok && list[0] == "a/b\n"
	})
	if code, list := askREST(t, "POST", at+"/supervisor/stopProcessGroup/cat"); code != 200 || list.([]any)[0].(map[string]any)["status"] != 80. {
		t.Errorf("%d %v", code, list)
	}
	if code, fault := askREST(t, "GET", at+"/supvisors/supvisors_state"); code != 501 {
		t.Errorf("%d %v", code, fault)
	}
	if code, help := askREST(t, "GET", at+"/system/methodHelp/supervisor.getState"); code != 200 || !strings.Contains(help.(string), "@return") {
		t.Errorf("%d %v", code, help)
	}
}
