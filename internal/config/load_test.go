package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

func TestDefaultsOfAProgram(t *testing.T) {
	want := &process.Spec{
		Program: "p", Group: "p", Name: "p", Command: "/bin/true", UID: -1, Umask: -1, Priority: 999, Autostart: true, Autorestart: process.RestartUnexpected,
		StartSecs: 1, StartRetries: 3, ExitCodes: []int{0}, StopSignal: 15, StopWaitSecs: 10, AutoServerURL: true,
		Stdout: process.LogSpec{File: "AUTO", MaxBytes: 50 << 20, Backups: 10}, Stderr: process.LogSpec{File: "AUTO", MaxBytes: 50 << 20, Backups: 10},
	}
	if got := only(t, mustLoad(t, daemon+program)); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaultsOfTheDaemon(t *testing.T) {
	t.Setenv("TMPDIR", "")
	t.Setenv("TEMP", "/no/such/directory")
	t.Setenv("TMP", "")
	dir := t.TempDir()
	t.Chdir(dir)
	want := Supervisord{UID: -1, GID: -1, Umask: 0o22, Logfile: dir + "/supervisord.log", LogMaxBytes: 50 << 20, LogBackups: 10, Pidfile: dir + "/supervisord.pid",
		Identifier: "supervisor", ChildLogDir: "/tmp", MinFDs: 1024, MinProcs: 200}
	if got := mustLoad(t, daemon).Supervisord; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	t.Setenv("TMPDIR", dir)
	if got := mustLoad(t, daemon).Supervisord.ChildLogDir; got != dir {
		t.Errorf("the directory of child logs is %s", got)
	}
	if got := mustLoad(t, daemon+"logfile=syslog\n").Supervisord.Logfile; got != "syslog" {
		t.Errorf("the log is %s", got)
	}
}

func TestProcessNumbers(t *testing.T) {
	c := mustLoad(t, daemon+program+"numprocs=3\nnumprocs_start=9\nprocess_name=%(program_name)s_%(process_num)02d\npriority=4\n[group:g]\nprograms=p\n")
	g, ok := c.Group("g")
	if !ok || len(g.Specs) != 3 {
		t.Fatalf("groups are %+v", c.Groups)
	}
	for i, want := range []string{"p_09", "p_10", "p_11"} {
		if s := g.Specs[i]; s.Name != want || s.Index != i || s.Program != "p" || s.Group != "g" || s.Priority != 4 {
			t.Errorf("process %d is %+v", i, s)
		}
	}
	if _, ok := c.Group("p"); ok {
		t.Error("a program of a group is a group of its own too")
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("OUTER", "out 100%")
	c := mustLoad(t, daemon+"environment=A=\"1\",OWN=\"%(ENV_OUTER)s\",PATH=\"/x:%(ENV_PATH)s\"\n"+
		"[program:p]\ncommand=/bin/echo %(ENV_A)s %(ENV_B)s\nenvironment=B=\"b %(ENV_A)s\",A=2\ndirectory=/tmp/%(ENV_A)s\n")
	s := only(t, c)
	path := "/x:" + os.Getenv("PATH")
	want := []process.EnvVar{{Name: "A", Value: "2"}, {Name: "OWN", Value: "out 100%"}, {Name: "PATH", Value: path}, {Name: "B", Value: "b 1"}}
	if !slices.Equal(s.Environment, want) {
		t.Errorf("got %q", s.Environment)
	}
	if s.Command != "/bin/echo 2 b 1" || s.Directory != "/tmp/2" {
		t.Errorf("the program's variables do not count in %q, %q", s.Command, s.Directory)
	}
	if want := (process.EnvVar{Name: "A", Value: "1"}); c.Supervisord.Environment[0] != want {
		t.Errorf("the daemon has %q", c.Supervisord.Environment)
	}
	again, err := c.WithNumprocs("p", 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := only(t, again).Environment; !slices.Equal(got, want) {
		t.Errorf("loaded again it is %q", got)
	}
}

func TestServerURL(t *testing.T) {
	const inet, unix = "[inet_http_server]\nport=127.0.0.1:9001\n", "[unix_http_server]\nfile=/tmp/s.sock\n"
	for _, c := range []struct{ name, text, want string }{
		{"none", "", ""},
		{"tcp", inet, "http://127.0.0.1:9001"},
		{"unix first", inet + unix, "unix:///tmp/s.sock"},
		{"first unix", "[unix_http_server:b]\nfile=/b\n" + unix, "unix:///b"},
		{"last tcp", inet + "[inet_http_server:b]\nport=9002\n", "http://localhost:9002"},
		{"tls", inet + "certfile=c.pem\nkeyfile=/k.pem\n", "https://127.0.0.1:9001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := mustLoad(t, daemon+program+c.text)
			if got := only(t, cfg); cfg.ServerURL != c.want || got.ServerURL != c.want || !got.AutoServerURL {
				t.Errorf("got %q, and the process %+v", cfg.ServerURL, got)
			}
		})
	}
	if got := only(t, mustLoad(t, daemon+program+"serverurl=http://own:1\n"+unix)); got.ServerURL != "http://own:1" || got.AutoServerURL {
		t.Errorf("got %+v", got)
	}
}

func TestServers(t *testing.T) {
	c, dir, err := loadText(t, daemon+"[inet_http_server]\nport=Host:1\ncertfile=c.pem\nkeyfile=/k.pem\nca_certs=ca.pem\nallowed_hosts=A.example, *.b.example\nlegacy_get_actions=Deny\n[unix_http_server]\nfile=s\nusername=u\npassword=%%p\n", Flags{})
	if err != nil {
		t.Fatal(err)
	}
	inet := c.Inet[0]
	if want := (InetServer{Section: "inet_http_server", Host: "host", Port: 1, CertFile: dir + "/c.pem", KeyFile: "/k.pem", CACerts: dir + "/ca.pem",
		AllowedHosts: []string{"a.example", "*.b.example"}, GetActions: DenyActions, Pos: inet.Pos}); !reflect.DeepEqual(inet, want) {
		t.Errorf("got %+v", inet)
	}
	unix := c.Unix[0]
	if unix.Username != "u" || unix.Password != "%p" || !filepath.IsAbs(unix.File) || unix.Mode != 0o700 || unix.UID != -1 || unix.Pos.Line != 9 {
		t.Errorf("got %+v", unix)
	}
}

func TestListenersAndSockets(t *testing.T) {
	c := mustLoad(t, daemon+"[eventlistener:e]\ncommand=x\nevents=TICK_60,process_state,TICK_60\n[fcgi-program:f]\ncommand=x\nsocket=tcp://h:9\n"+
		"[fcgi-program:u]\ncommand=x\nuser=root\nsocket=unix:///tmp/%(program_name)s\n")
	var names []string
	for _, g := range c.Groups {
		names = append(names, g.Name)
	}
	if !slices.Equal(names, []string{"e", "f", "u"}) {
		t.Errorf("groups are %q", names)
	}
	e, f, u := c.Groups[0], c.Groups[1], c.Groups[2]
	if e.Priority != -1 || !reflect.DeepEqual(e.Listener, &Listener{[]string{"PROCESS_STATE", "TICK_60"}, 10, "supervisor.dispatchers:default_handler"}) || !e.Specs[0].Listener {
		t.Errorf("got %+v", e)
	}
	if f.Specs[0].FastCGI != "tcp://h:9" || f.Socket.Address != "h:9" || f.Socket.UID != -1 || f.Specs[0].Listener {
		t.Errorf("got %+v", f)
	}
	if u.Socket.URL != "unix:///tmp/u" || u.Socket.Mode != 0o700 {
		t.Errorf("got %+v", u.Socket)
	}
	if root := u.Socket.UID == 0; root != (os.Getuid() != 0) {
		t.Errorf("the socket of another user belongs to %d", u.Socket.UID)
	}
}

func TestEventsOfSupvisors(t *testing.T) {
	for _, name := range eventNames {
		if c := mustLoad(t, daemon+"[eventlistener:e]\ncommand=x\nevents="+name+"\n"); !slices.Equal(c.Groups[0].Listener.Events, []string{name}) {
			t.Errorf("got %q", c.Groups[0].Listener.Events)
		}
	}
}

func TestRest(t *testing.T) {
	c := mustLoad(t, daemon+`[inet_http_server]
port=*:9001
username=u
password=p
[rest]
[rest:wide]
port=*:5001
username=r
password=q
read_only_username=guest
read_only_password=g
apis=Supvisors, supvisors
prefix=/api/v1/
fault_status=RICH
cors_origins=https://ops.example.com, http://h:8080
metrics=on
allowed_hosts=ops.example.com
[rest:file]
port=/run/rest.sock
`)
	if len(c.Rest) != 3 || len(c.Warnings) != 0 {
		t.Fatalf("got %+v, warnings %v", c.Rest, c.Warnings)
	}
	plain, wide, file := c.Rest[0], c.Rest[1], c.Rest[2]
	want := Rest{Server: InetServer{Section: "rest", Host: "127.0.0.1", Port: 5000, Login: Login{Username: "u", Password: "p"}, Pos: plain.Server.Pos}, APIs: []string{"supvisors"}}
	if !reflect.DeepEqual(plain, want) {
		t.Errorf("got %+v", plain)
	}
	want = Rest{Server: InetServer{Section: "rest:wide", Port: 5001, Login: Login{Username: "r", Password: "q", ReadOnlyUsername: "guest", ReadOnlyPassword: "g"}, AllowedHosts: []string{"ops.example.com"}, Pos: wide.Server.Pos},
		APIs: []string{"supvisors"}, Prefix: "/api/v1", Rich: true, Origins: []string{"https://ops.example.com", "http://h:8080"}, Metrics: true}
	if !reflect.DeepEqual(wide, want) {
		t.Errorf("got %+v", wide)
	}
	if file.Socket != "/run/rest.sock" || file.Server.Port != 0 || file.Server.Username != "" {
		t.Errorf("got %+v", file)
	}
	if c := mustLoad(t, daemon+"[rest]\nport=0.0.0.0:5000\ninsecure=true\n[rest:b]\nport=[::1]:1\n"); c.Rest[0].Server.Host != "0.0.0.0" {
		t.Errorf("got %+v", c.Rest)
	}
}

func TestWithNumprocs(t *testing.T) {
	c := mustLoad(t, daemon+program+"process_name=%(program_name)s_%(process_num)d\n[program:q]\ncommand=y\n[group:g]\nprograms=p,q\n[group:h]\nprograms=p\n")
	more, err := c.WithNumprocs("p", 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(more.Groups[0].Specs) != 4 || len(more.Groups[1].Specs) != 3 || len(c.Groups[0].Specs) != 2 {
		t.Errorf("got %d and %d, the original has %d", len(more.Groups[0].Specs), len(more.Groups[1].Specs), len(c.Groups[0].Specs))
	}
	fewer, err := more.WithNumprocs("p", 1)
	if err != nil || len(Diff(c, fewer).Changed) != 0 {
		t.Errorf("back again differs in %v, %v", Diff(c, fewer), err)
	}
	var bad *Error
	if _, err := c.WithNumprocs("q", 2); !errors.As(err, &bad) || !strings.HasPrefix(bad.Text(), "%(process_num) must be present within process_name when numprocs > 1 in section 'program:q'") {
		t.Errorf("got %v", err)
	}
	if _, err := c.WithNumprocs("nope", 2); err == nil || errors.As(err, &bad) && bad == nil {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := mustLoad(t, daemon+"environment=A=1\n"+program+"process_name=p%(process_num)s\n")
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			again, err := c.WithNumprocs("p", n)
			if err != nil || len(again.Groups[0].Specs) != n {
				t.Errorf("got %+v, %v", again, err)
			}
		})
	}
	wg.Wait()
}

func TestCtl(t *testing.T) {
	t.Setenv("WHO", "joe")
	const section = "[supervisorctl]\nserverurl=unix://%(here)s/../s.sock\nusername=%(ENV_WHO)s\npassword=a%%b\nprompt=mine\nhistory_file=~/.h\n"
	dir := folder(t, map[string]string{conf: daemon + section, "ctl.conf": "[include]\nfiles=*\n" + section + "[program:x]\nnonsense=%(\n", "none.conf": "[supervisord]\n",
		"bad.conf": "[supervisorctl]\nserverurl=%(nope)s\nprompt=%\n", "broken.conf": "x\n", "bare.conf": "[supervisorctl]\n"})
	t.Setenv("HOME", dir)
	want := &Ctl{ServerURL: "unix://" + filepath.Dir(dir) + "/s.sock", Username: "joe", Password: "a%b", Prompt: "mine", HistoryFile: dir + "/.h"}
	c, err := Load(filepath.Join(dir, conf), Flags{})
	if err != nil || !reflect.DeepEqual(c.Ctl, want) {
		t.Errorf("got %+v, %v", c, err)
	}
	if got, err := LoadCtl(dir + "/ctl.conf"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, path := range []string{"", dir + "/bare.conf"} {
		if got, err := LoadCtl(path); err != nil || !reflect.DeepEqual(got, &Ctl{ServerURL: "http://localhost:9001", Prompt: "supervisor"}) {
			t.Errorf("%q gives %+v, %v", path, got, err)
		}
	}
	for file, want := range map[string]string{
		"none.conf":   ".ini file does not include supervisorctl section",
		"absent.conf": "could not find config file " + dir + "/absent.conf",
		"broken.conf": "File contains no section headers.\nfile: '" + dir + "/broken.conf', line: 1\n'x\\n'",
	} {
		var bad *Error
		if _, err := LoadCtl(dir + "/" + file); !errors.As(err, &bad) || bad.Text() != want {
			t.Errorf("%s gives %v", file, err)
		}
	}
	var bad *Error
	if _, err := LoadCtl(dir + "/bad.conf"); !errors.As(err, &bad) || len(bad.Problems) != 2 || bad.Problems[1].Pos.Line != 3 {
		t.Errorf("got %v", err)
	}
}

// FuzzLoad looks for a text that makes the loader fail other than by an error.
func FuzzLoad(f *testing.F) {
	for _, text := range compared {
		f.Add(text)
	}
	f.Add(node + "supvisors_list=<a>b:1\nstats_periods=1,2\nrules_files=x\n")
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := ini.Parse("f", text)
		if err != nil || strings.Contains(text, "*/*") {
			return // a pattern over the whole file system takes its time
		}
		l, err := newLoader("f", Flags{})
		if err != nil {
			t.Fatal(err)
		}
		l.doc = doc
		c, err := l.load()
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || len(bad.Problems) == 0 {
				t.Fatalf("got %v", err)
			}
			return
		}
		if changes := Diff(c, c); changes.Added != nil || changes.Changed != nil || changes.Removed != nil {
			t.Errorf("it differs from itself in %+v", changes)
		}
	})
}

func TestDevice(t *testing.T) {
	c := mustLoad(t, daemon+`[rest:device]
port=127.0.0.1:48484
apis=device
trust_loopback=true
[device]
uuid=0123456789abcdef0123456789abcdef
device_name=edge
app_ids=web:1002, api:7
data_dirs=web:/var/lib/web/data
data_root=/var/lib
lock_dir=locks
lock_mode=flock
legacy_locks=true
override_lock=true
inject_env=web,api
update_poll_interval=60
allow=purge,reboot
dry_run=true
reboot_command=systemctl "re boot"
led_path=/sys/led
connectivity_check=false
connectivity_targets=10.0.0.1:80
connectivity_interval=30
`)
	want := Device{UUID: "0123456789abcdef0123456789abcdef", Name: "edge", Apps: map[string]int{"web": 1002, "api": 7},
		DataDirs: map[string]string{"web": "/var/lib/web/data"}, DataRoot: "/var/lib", LockDir: c.Here + "/locks", Flock: true, LegacyLocks: true,
		OverrideLock: true, InjectGroups: []string{"web", "api"}, UpdatePollInterval: time.Minute, Allow: []string{"purge", "reboot"}, DryRun: true,
		RebootCommand: []string{"systemctl", "re boot"}, LEDPath: "/sys/led", ConnectivityTargets: []string{"10.0.0.1:80"}, ConnectivityInterval: 30 * time.Second}
	if !reflect.DeepEqual(*c.Device, want) || len(c.Warnings) != 0 || !c.Rest[0].TrustLoopback {
		t.Errorf("got %+v, warnings %v", *c.Device, c.Warnings)
	}
	c = mustLoad(t, daemon+"[rest]\napis=supvisors,device\nstate_dir=state\n[device]\ninject_env=true\n")
	if want := (Device{InjectAll: true, ConnectivityCheck: true, ConnectivityInterval: time.Minute}); !reflect.DeepEqual(*c.Device, want) {
		t.Errorf("got %+v", *c.Device)
	}
	if c.Rest[0].StateDir != c.Here+"/state" {
		t.Errorf("state is kept in %q", c.Rest[0].StateDir)
	}
	if c := mustLoad(t, daemon+"[device]\nallow=purge\n"); c.Device != nil || len(c.Warnings) != 1 {
		t.Errorf("got %+v, warnings %v", c.Device, c.Warnings)
	}
}

func TestAgent(t *testing.T) {
	c := mustLoad(t, daemon+`[rest:agent]
port=127.0.0.1:8510
apis=Agent
trust_loopback=true
[agent]
organization=Acme (test)
service_urls=web:https://host:8443/services/web, api : speed
service_versions=web:2.1.0
auto_configure=false
node_gone_404=true
quiesce_timeout=20
input_names=PATH, LD_PRELOAD,PATH
restart_on_input=true
inject_env=web, api
agreements=All
require_signed=Config, rules
allow_join=true
`)
	want := Agent{Organization: "Acme (test)", ServiceURLs: map[string]string{"web": "https://host:8443/services/web", "api": "speed"},
		ServiceVersions: map[string]string{"web": "2.1.0"}, NodeGone404: true, QuiesceTimeout: 20 * time.Second, InputNames: []string{"PATH", "LD_PRELOAD"},
		RestartOnInput: true, InjectGroups: []string{"web", "api"}, AllAgreements: true, SignedRules: true, SignedConfig: true, AllowJoin: true}
	if !reflect.DeepEqual(*c.Agent, want) || len(c.Warnings) != 0 || !c.Rest[0].TrustLoopback || !slices.Equal(c.Rest[0].APIs, []string{"agent"}) || c.Device != nil {
		t.Errorf("got %+v, warnings %v", *c.Agent, c.Warnings)
	}
	c = mustLoad(t, daemon+"[rest]\n[rest:two]\nport=1\ninsecure=true\napis=device,agent\n[agent]\nrequire_signed=config\ninject_env=on\n")
	if want := (Agent{Organization: "supvisors", AutoConfigure: true, QuiesceTimeout: 5 * time.Minute, InjectAll: true, SignedConfig: true}); !reflect.DeepEqual(*c.Agent, want) {
		t.Errorf("got %+v", *c.Agent)
	}
	if c.Device == nil {
		t.Error("the device is left out")
	}
	if c := mustLoad(t, daemon+"[rest]\napis=agent\n"); !reflect.DeepEqual(*c.Agent, Agent{Organization: "supvisors", AutoConfigure: true, QuiesceTimeout: 5 * time.Minute}) {
		t.Errorf("got %+v", *c.Agent)
	}
	if c := mustLoad(t, daemon+"[rest]\napis=supvisors,device\n[agent]\nallow_join=true\n"); c.Agent != nil {
		t.Errorf("got %+v", c.Agent)
	}
}

// TestTrustLoopback: a port that only this machine reaches needs no key unless there is a login.
func TestTrustLoopback(t *testing.T) {
	for options, want := range map[string]bool{
		"":                             true,
		"port=127.0.0.1:5001\n":        true,
		"port=localhost:5001\n":        true,
		"port=*:5001\ninsecure=true\n": false,
		"username=u\npassword=p\n":     false,
		"port=/run/rest.sock\n":        false, // a socket has rights of its own
		"trust_loopback=false\n":       false,
		"username=u\npassword=p\ntrust_loopback=true\n": true,
	} {
		cfg := mustLoad(t, "[supervisord]\n[rest]\n"+options)
		if got := cfg.Rest[0].TrustLoopback; got != want {
			t.Errorf("%q: trusts loopback %v", options, got)
		}
	}
}
