package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	daemon  = "[supervisord]\n"                  // line 1
	program = "[program:p]\ncommand=/bin/true\n" // lines 2 and 3 after daemon
	agent   = "[rest]\napis=agent\n[agent]\n"    // lines 2 to 4 after daemon
	inP     = " in section 'program:p' (file: '@DIR@/supervisord.conf')"
)

// TestProblems has every way a configuration can be wrong, with Supervisor's text.
func TestProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"boolean", program + "autostart=maybe", "4: [program:p] autostart: not a valid boolean value: 'maybe'" + inP},
		{"autorestart", program + "autorestart=Maybe", "4: [program:p] autorestart: invalid 'autorestart' value 'maybe'" + inP},
		{"integer", program + "startsecs=abc", "4: [program:p] startsecs: invalid literal for int() with base 10: 'abc'" + inP},
		{"signal", program + "stopsignal=FOO", "4: [program:p] stopsignal: value 'FOO' is not a valid signal name" + inP},
		{"exit codes", program + "exitcodes=300", "4: [program:p] exitcodes: not a valid list of exit codes: '300'" + inP},
		{"user", program + "user=nosuchuser", "4: [program:p] user: Invalid user name nosuchuser" + inP},
		{"umask", program + "umask=9", "4: [program:p] umask: 9 can not be converted to an octal type" + inP},
		{"numprocs", program + "numprocs=2", "2: [program:p] process_name: %(process_num) must be present within process_name when numprocs > 1" + inP},
		{"too many processes", program + "numprocs=1000000000\nprocess_name=%(process_num)s", "4: [program:p] numprocs: 1000000000 is above upper bound (10000)" + inP},
		{"signal groups", program + "stopasgroup=true\nkillasgroup=false", "2: [program:p]: Cannot set stopasgroup=true and killasgroup=false" + inP},
		{"directory of a log", program + "stdout_logfile=/no/such/dir/x.log", "4: [program:p] stdout_logfile: The directory named as part of the path /no/such/dir/x.log does not exist" + inP},
		{"byte size", program + "stdout_logfile_maxbytes=10XB", "4: [program:p] stdout_logfile_maxbytes: invalid literal for int() with base 10: '10xb'" + inP},
		{"environment", program + "environment=A", "4: [program:p] environment: Unexpected end of key/value pairs in value 'A'" + inP},
		{"environment quote", program + "environment=A='x", "4: [program:p] environment: No closing quotation" + inP},
		{"no command", "[program:p]\nautostart=false", "2: [program:p]: program section program:p does not specify a command" + inP},
		{"priority of a group", program + "priority=x", "4: [program:p] priority: invalid literal for int() with base 10: 'x'"},
		{"blank in a name", "[program:a b]\ncommand=x", "2: [program:a b]: Invalid name: 'a b' because of character: ' '"},
		{"colon in a name", "[program:a:b]\ncommand=x", "2: [program:a:b]: Invalid name: 'a:b' because of character: ':'"},
		{"slash in a name", "[program:a/b]\ncommand=x", "2: [program:a/b]: Invalid name: 'a/b' because of character: '/'"},
		{"process name", program + "process_name=a:b", "4: [program:p] process_name: Invalid name: 'a:b' because of character: ':'" + inP},
		{"lone percent", "[program:p]\ncommand=/bin/echo 100%", "3: [program:p] command: Format string '/bin/echo 100%' for 'program:p.command' is badly formatted: incomplete format" + inP},
		{"percent of a log", program + "stdout_logfile=/tmp/100%%", "4: [program:p] stdout_logfile: Format string '/tmp/100%' for 'stdout_logfile' is badly formatted: incomplete format" + inP},

		{"unknown program", "[group:g]\nprograms=nope", "3: [group:g]: [group:g] names unknown program or fcgi-program nope"},
		{"ambiguous program", program + "[fcgi-program:p]\ncommand=x\nsocket=tcp://h:1\n[group:g]\nprograms=p", "8: [group:g]: [group:g] name p is ambiguous (exists as program and fcgi-program)"},
		{"group name", "[group:a:b]\nprograms=", "2: [group:a:b]: Invalid name: 'a:b' because of character: ':'"},
		{"priority of a heterogeneous group", program + "[group:g]\nprograms=p\npriority=high", "6: [group:g] priority: invalid literal for int() with base 10: 'high'"},

		{"no events", "[eventlistener:e]\ncommand=x", `2: [eventlistener:e]: [eventlistener:e] section requires an "events" line`},
		{"empty events", "[eventlistener:e]\ncommand=x\nevents=", `2: [eventlistener:e]: [eventlistener:e] section requires an "events" line`},
		{"unknown event", "[eventlistener:e]\ncommand=x\nevents=TICK_5,not_an_event", "4: [eventlistener:e] events: Unknown event type NOT_AN_EVENT in [eventlistener:e] events"},
		{"listener redirects", "[eventlistener:e]\ncommand=x\nevents=TICK_5\nredirect_stderr=true",
			"5: [eventlistener:e] redirect_stderr: [eventlistener:e] section sets redirect_stderr=true but this is not allowed because it will interfere with the eventlistener protocol"},
		{"buffer", "[eventlistener:e]\ncommand=x\nevents=TICK_5\nbuffer_size=0", "5: [eventlistener:e] buffer_size: [eventlistener:e] section sets invalid buffer_size (0)"},

		{"no socket", "[fcgi-program:f]\ncommand=x", `2: [fcgi-program:f]: [fcgi-program:f] section requires a "socket" line`},
		{"mode of tcp", "[fcgi-program:f]\ncommand=x\nsocket=tcp://h:1\nsocket_mode=0700", "4: [fcgi-program:f] socket: socket_owner and socket_mode params should only be used with a Unix domain socket in [fcgi-program:f] socket"},
		{"bad mode", "[fcgi-program:f]\ncommand=x\nsocket=unix:///f\nsocket_mode=zz", "5: [fcgi-program:f] socket_mode: Invalid socket_mode value zz"},
		{"bad owner", "[fcgi-program:f]\ncommand=x\nsocket=unix:///f\nsocket_owner=nosuchuser", "5: [fcgi-program:f] socket_owner: Invalid socket_owner value nosuchuser"},
		{"bad backlog", "[fcgi-program:f]\ncommand=x\nsocket=unix:///f\nsocket_backlog=70000", "5: [fcgi-program:f] socket_backlog: Invalid socket_backlog value 70000"},
		{"relative socket", "[fcgi-program:f]\ncommand=x\nsocket=unix://f", "4: [fcgi-program:f] socket: Unix socket path f is not an absolute path in [fcgi-program:f] socket"},
		{"socket format", "[fcgi-program:f]\ncommand=x\nsocket=http://h", "4: [fcgi-program:f] socket: Bad socket format http://h in [fcgi-program:f] socket"},
		{"socket port", "[fcgi-program:f]\ncommand=x\nsocket=tcp://h:0", "4: [fcgi-program:f] socket: 0 is below lower bound (1) in [fcgi-program:f] socket"},

		{"port", "[inet_http_server]\nport=abc", "3: [inet_http_server] port: not a valid port number: 'abc' "},
		{"port range", "[inet_http_server]\nport=127.0.0.1:99999", "3: [inet_http_server] port: 99999 is above upper bound (65535)"},
		{"half a port", "[inet_http_server]\nport=host:", "3: [inet_http_server] port: no port number specified in ''"},
		{"no port", "[inet_http_server]\nusername=a\npassword=b", "2: [inet_http_server]: section [inet_http_server] has no port value"},
		{"half of the credentials", "[inet_http_server]\nport=1\nusername=a", "2: [inet_http_server]: Section [inet_http_server] contains incomplete authentication: " +
			"If a username or a password is specified, both the username and password must be specified"},
		{"half of the reader", "[inet_http_server]\nport=1\nusername=a\npassword=b\nread_only_username=c", "2: [inet_http_server]: Section [inet_http_server] contains " +
			"incomplete authentication: If a read_only_username or a read_only_password is specified, both the read_only_username and read_only_password must be specified"},
		{"reader alone", "[inet_http_server]\nport=1\nread_only_username=c\nread_only_password=d",
			"2: [inet_http_server]: section [inet_http_server] has a read_only_username, but without a username everybody may do everything"},
		{"reader who may write", "[inet_http_server]\nport=1\nusername=a\npassword=b\nread_only_username=a\nread_only_password=d",
			"2: [inet_http_server]: section [inet_http_server] has the same username and read_only_username"},
		{"certificate without key", "[inet_http_server]\nport=1\ncertfile=c", "2: [inet_http_server]: section [inet_http_server] needs both certfile and keyfile"},
		{"authority without certificate", "[inet_http_server]\nport=1\nca_certs=c", "2: [inet_http_server]: section [inet_http_server] has ca_certs without certfile"},
		{"half a pattern", "[inet_http_server]\nport=1\nallowed_hosts=a,b*.c", "4: [inet_http_server] allowed_hosts: 'b*.c' is not a host name, *.name or *"},
		{"host with port", "[inet_http_server]\nport=1\nallowed_hosts=a:9001", "4: [inet_http_server] allowed_hosts: 'a:9001' is not a host name, *.name or *"},
		{"actions of links", "[inet_http_server]\nport=1\nlegacy_get_actions=ask", "4: [inet_http_server] legacy_get_actions: 'ask' is not one of confirm, allow, deny"},
		{"uuid of a device", "[rest]\napis=device\n[device]\nuuid=x", "5: [device] uuid: 'x' is not 32 hexadecimal digits"},
		{"number of an application", "[rest]\napis=device\n[device]\napp_ids=web:0", "5: [device] app_ids: '0' is not a number from 1 to 2147483647"},
		{"directory of data", "[rest]\napis=device\n[device]\ndata_dirs=web:../x", "5: [device] data_dirs: '../x' is not an absolute path without detours"},
		{"data without a name", "[rest]\napis=device\n[device]\ndata_dirs=/x", "5: [device] data_dirs: '/x' is not name:value of another name"},
		{"what is allowed", "[rest]\napis=device\n[device]\nallow=all", "5: [device] allow: 'all' is not one of purge, reboot, shutdown, host-config, fleet"},
		{"target of the probe", "[rest]\napis=device\n[device]\nconnectivity_targets=h", "5: [device] connectivity_targets: 'h' is not host:port"},
		{"organization", agent + "organization=a=b", `5: [agent] organization: 'a=b' is not made of letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \`},
		{"no organization", agent + "organization=", `5: [agent] organization: '' is not made of letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \`},
		{"alias", agent + "service_urls=web:http://h/a, api:http://h/%%41", `5: [agent] service_urls: 'http://h/%41' is not made of letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \`},
		{"alias of nothing", agent + "service_urls=web", "5: [agent] service_urls: 'web' is not name:value of another name"},
		{"two versions", agent + "service_versions=web:1, web:2", "5: [agent] service_versions: 'web:2' is not name:value of another name"},
		{"registration", agent + "auto_configure=maybe", "5: [agent] auto_configure: not a valid boolean value: 'maybe'"},
		{"status of a node", agent + "node_gone_404=404", "5: [agent] node_gone_404: not a valid boolean value: '404'"},
		{"time to drain", agent + "quiesce_timeout=0", "5: [agent] quiesce_timeout: '0' is not 1 or more seconds"},
		{"time to drain with a unit", agent + "quiesce_timeout=5m", `5: [agent] quiesce_timeout: invalid value for seconds: "5m". integer expected in (0, 31536000)`},
		{"variables", agent + "input_names=PATH, A=B", `5: [agent] input_names: 'A=B' is not made of letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \`},
		{"restart", agent + "restart_on_input=x", "5: [agent] restart_on_input: not a valid boolean value: 'x'"},
		{"agreements", agent + "agreements=none", "5: [agent] agreements: 'none' is not one of managed, all"},
		{"signatures", agent + "require_signed=rules, configs", "5: [agent] require_signed: 'configs' is not one of rules, config"},
		{"joining", agent + "allow_join=", "5: [agent] allow_join: not a valid boolean value: ''"},
		{"open rest", "[rest]\nport=*:5000", "3: [rest] port: others than this machine can reach it, so it needs a username and a password, or insecure=true"},
		{"port of rest", "[rest]\nport=x", "3: [rest] port: not a valid port number: 'x' "},
		{"interfaces of rest", "[rest]\napis=supvisors,agents", "3: [rest] apis: 'agents' is not one of supvisors, device, agent"},
		{"prefix of rest", "[rest]\nprefix=api", "3: [rest] prefix: 'api' is not a path like /api"},
		{"origins of rest", "[rest]\ncors_origins=https://a/", "3: [rest] cors_origins: 'https://a/' is not an origin like https://ops.example.com"},
		{"statuses of rest", "[rest]\nfault_status=http", "3: [rest] fault_status: 'http' is not one of compat, rich"},
		{"no file", "[unix_http_server]\nchmod=0700", "2: [unix_http_server]: section [unix_http_server] has no file value"},
		{"chmod", "[unix_http_server]\nfile=/s\nchmod=xyz", "4: [unix_http_server] chmod: Invalid chmod value xyz"},
		{"chown", "[unix_http_server]\nfile=/s\nchown=nosuch:user", "4: [unix_http_server] chown: Invalid sockchown value nosuch:user"},

		{"loglevel", "loglevel=foo", "2: [supervisord] loglevel: bad logging level name 'foo'"},
		{"logfile", "logfile=/no/such/x.log", "2: [supervisord] logfile: The directory named as part of the path /no/such/x.log does not exist"},
		{"pidfile", "pidfile=/no/such/x.pid", "2: [supervisord] pidfile: The directory named as part of the path /no/such/x.pid does not exist"},
		{"childlogdir", "childlogdir=/no/such", "2: [supervisord] childlogdir: /no/such is not an existing directory"},
		{"user of the daemon", "user=nosuchuser", "2: [supervisord] user: Invalid user name nosuchuser"},
		{"nodaemon", "nodaemon=perhaps", "2: [supervisord] nodaemon: not a valid boolean value: 'perhaps'"},
		{"environment of the daemon", "environment=A=%(nope", "2: [supervisord] environment: Format string 'A=%(nope' for 'environment' is badly formatted: incomplete format key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, _ := problems(t, daemon+c.text+"\n")
			same(t, c.text, wrong, []string{c.want})
		})
	}
}

func TestUnknownExpansion(t *testing.T) {
	_, _, err := loadText(t, daemon+"[program:p]\ncommand=/bin/echo %(nope)s\n", Flags{})
	var bad *Error
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	const begin = "Format string '/bin/echo %(nope)s' for 'program:p.command' contains names ('nope') which cannot be expanded. Available names: "
	if text := bad.Text(); !strings.HasPrefix(text, begin) || !strings.Contains(text, ", here, host_node_name, numprocs, process_num, program_name in section 'program:p'") {
		t.Errorf("got %s", text)
	}
}

// TestAllProblemsAreListed checks that one reading finds everything, in the order in which Supervisor would.
func TestAllProblemsAreListed(t *testing.T) {
	wrong, warnings := problems(t, `[inet_http_server]
port=x
[program:b]
command=%(bad
autostart=perhaps
startsecs=a
[supervisord]
umask=99
loglevel=loud
[group:g]
programs=none,b
[program:c]
comand=/bin/true
[eventlistener:l]
command=x
events=NO
`)
	same(t, "problems", wrong, []string{
		"8: [supervisord] umask: 99 can not be converted to an octal type",
		"9: [supervisord] loglevel: bad logging level name 'loud'",
		"11: [group:g]: [group:g] names unknown program or fcgi-program none",
		"5: [program:b] autostart: not a valid boolean value: 'perhaps' in section 'program:b' (file: '@DIR@/supervisord.conf')",
		"6: [program:b] startsecs: invalid literal for int() with base 10: 'a' in section 'program:b' (file: '@DIR@/supervisord.conf')",
		"4: [program:b] command: Format string '%(bad' for 'program:b.command' is badly formatted: incomplete format key in section 'program:b' (file: '@DIR@/supervisord.conf')",
		"12: [program:c]: program section program:c does not specify a command in section 'program:c' (file: '@DIR@/supervisord.conf')",
		"16: [eventlistener:l] events: Unknown event type NO in [eventlistener:l] events",
		"2: [inet_http_server] port: not a valid port number: 'x' ",
	})
	same(t, "warnings", warnings, []string{"13: [program:c] comand: unknown option"})
}

// TestFileProblems has what keeps a file from being read at all.
func TestFileProblems(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"no section", "[program:p]\ncommand=x\n", []string{".ini file does not include supervisord section"}},
		{"not ini", daemon + "this is not ini\nthat neither\n", []string{
			"2: Source contains parsing errors: '@DIR@/supervisord.conf'\n\t[line  2]: 'this is not ini\\n'\n\t[line  3]: 'that neither\\n'",
			"3: not a section and not an option: 'that neither'"}},
		{"text before a section", "a=b\n", []string{"1: File contains no section headers.\nfile: '@DIR@/supervisord.conf', line: 1\n'a=b\\n'"}},
		{"include without files", daemon + "[include]\nfoo=bar\n", []string{"2: [include]: .ini file has [include] section, but no files setting"}},
		{"no text", daemon + "\xff\n", []string{"'utf-8' codec can't decode byte 0xff in position 14 (file: '@DIR@/supervisord.conf', line: 2)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, _ := problems(t, c.text)
			same(t, c.text, wrong, c.want)
		})
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.conf")
	_, err := Load(path, Flags{})
	var bad *Error
	if !errors.As(err, &bad) || bad.Text() != "could not find config file "+path {
		t.Errorf("got %v", err)
	}
}

func TestProblemsOfIncludedFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		conf:       daemon + "[include]\nfiles=d/*.conf\n",
		"d/1.conf": "\n[program:p]\ncommand=x\nautostart=y\n",
		"d/2.conf": "[program:q]\nbad=1\n",
	})
	_, err := Load(filepath.Join(dir, conf), Flags{})
	var bad *Error
	if !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
	first := dir + "/d/1.conf"
	want := first + ":4: [program:p] autostart: not a valid boolean value: 'y' in section 'program:p' (file: '" + first + "')\n" +
		dir + "/d/2.conf:1: [program:q]: program section program:q does not specify a command in section 'program:q' (file: '" + dir + "/d/2.conf')"
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if len(bad.Warnings) != 1 || bad.Warnings[0].String() != dir+"/d/2.conf:2: [program:q] bad: unknown option" {
		t.Errorf("warnings are %v", bad.Warnings)
	}
}

// TestOtherReader has a reader that refuses files.
func TestOtherReader(t *testing.T) {
	dir := folder(t, map[string]string{conf: daemon + "[include]\nfiles=d/*\n", "d/1.conf": program, "d/2.conf": "[program:q]\ncommand=x\n", "d/sub/x": ""})
	path := filepath.Join(dir, conf)
	var seen []string
	refuse := func(which string) func(string) ([]byte, error) {
		return func(path string) ([]byte, error) {
			seen = append(seen, strings.TrimPrefix(path, dir+"/"))
			if strings.HasSuffix(path, which) {
				return nil, fmt.Errorf("%s: not signed", path)
			}
			return os.ReadFile(path)
		}
	}
	c, err := LoadWith(path, Flags{}, refuse("none"))
	if err != nil || len(c.Groups) != 2 || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].String(), "d/sub") {
		t.Errorf("got %+v, %v", c, err)
	}
	same(t, "files", seen, []string{conf, "d/1.conf", "d/2.conf", "d/sub"})
	for which, want := range map[string]string{
		conf:       path + ": " + path + ": not signed",
		"d/2.conf": path + ":3: [include]: " + dir + "/d/2.conf: not signed",
	} {
		if c, err := LoadWith(path, Flags{}, refuse(which)); c != nil || err == nil || err.Error() != want {
			t.Errorf("%s is refused: got %v\nwant %s", which, err, want)
		}
	}
	absent := func(string) ([]byte, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist} }
	if _, err := LoadWith(path, Flags{}, absent); err == nil || err.Error() != path+": could not find config file "+path {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", daemon + program, nil},
		{"unknown", daemon + "nodemon=true\n" + program + "no_such=1\n[nothing:x]\na=b\n[supervisorweird]\nc=d\n[rpcinterface:twiddler]\nx=1\n", []string{
			"2: [supervisord] nodemon: unknown option", "5: [program:p] no_such: unknown option", "6: [nothing:x]: unknown section",
			"8: [supervisorweird]: unknown section", "10: [rpcinterface:twiddler]: this extension is not known and ignored"}},
		{"plugins are not judged", daemon + "[ctlplugin:x]\nsupervisor.ctl_factory=a:b\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=a:b\nz=1\n", nil},
		{"interfaces that nobody serves", daemon + "[rest]\n[device]\nuuid=x\n[agent]\nnonsense=x\n", []string{
			"3: [device]: no [rest] section has device in its apis: the section has no effect",
			"5: [agent]: no [rest] section has agent in its apis: the section has no effect"}},
		{"no option of the agent", daemon + agent + "pattern=rack\ntrust_loopback=true\n", []string{
			"5: [agent] pattern: unknown option", "6: [agent] trust_loopback: unknown option"}},
		{"known but elsewhere", daemon + program + "events=TICK_5\n[supervisorctl]\nserverurl=http://x:1\nhost=1\n", []string{
			"4: [program:p] events: unknown option", "7: [supervisorctl] host: unknown option"}},
		{"defaults are for all", "[DEFAULT]\nfoo=1\n" + daemon + program, nil},
		{"include", daemon + "[include]\nfiles=%(here)s/none/*.conf\nfile=x\n", []string{
			`3: [include] files: No file matches via include "@DIR@/none/*.conf"`, "4: [include] file: unknown option"}},
		{"syslog", daemon + program + "stdout_logfile=syslog\n", []string{
			"4: [program:p] stdout_logfile: For [program:p], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead."}},
		{"automatic without rotation", daemon + program + "stderr_logfile_maxbytes=0\n", []string{
			"2: [program:p] stderr_logfile: For [program:p], AUTO logging used for stderr_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally"}},
		{"redirected and named", daemon + program + "redirect_stderr=1\nstderr_logfile=/tmp/x\n", []string{
			"5: [program:p] stderr_logfile: For [program:p], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored"}},
		{"once for all processes", daemon + program + "numprocs=3\nprocess_name=%(process_num)s\nstdout_logfile=syslog\n", []string{
			"6: [program:p] stdout_logfile: For [program:p], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead."}},
		{"result handler", daemon + "[eventlistener:e]\ncommand=x\nevents=TICK\nresult_handler=mine:handler\n", []string{
			"5: [eventlistener:e] result_handler: only supervisor.dispatchers:default_handler is known, it is used instead"}},
		{"two groups", daemon + program + "[group:p]\nprograms=\npriority=1\n", []string{"2: group p is defined more than once, this one is ignored"}},
		{"two processes", daemon + program + "[program:q]\ncommand=x\nprocess_name=p\n[group:g]\nprograms=p,q\n", []string{
			"7: group g has more than one process named p, the last one is kept"}},
		{"supervisorctl", daemon + "[supervisorctl]\nprompt=%(nope\n", []string{
			"3: [supervisorctl] prompt: Format string '%(nope' for 'supervisorctl.prompt' is badly formatted: incomplete format key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, warnings := problems(t, c.text)
			same(t, "problems of "+c.text, wrong, nil)
			same(t, "warnings of "+c.text, warnings, c.want)
		})
	}
}
