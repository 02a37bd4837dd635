package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadOptions(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CTL_TEST_USER", "from env")
	conf := filepath.Join(dir, "a.conf")
	write(t, conf, "[supervisorctl]\nserverurl=unix://%(here)s/x/../s.sock ; socket\nusername=%(ENV_CTL_TEST_USER)s\npassword=p\n"+
		"prompt=mine\nhistory_file=%(here)s/history\n[ctlplugin:supvisors]\nsupervisor.ctl_factory=x\n")
	bare := filepath.Join(dir, "bare.conf")
	write(t, bare, "[supervisorctl]\n")
	for _, c := range []struct {
		args string
		want options
	}{
		{"-c " + bare, options{serverURL: "http://localhost:9001", prompt: "supervisor", interactive: true}},
		{"-c " + bare + " pid", options{serverURL: "http://localhost:9001", prompt: "supervisor", args: []string{"pid"}}},
		{"-i -c " + bare + " pid", options{serverURL: "http://localhost:9001", prompt: "supervisor", interactive: true, args: []string{"pid"}}},
		{"-c " + conf + " pid a", options{serverURL: "unix://" + dir + "/s.sock", prompt: "mine", username: "from env", password: "p",
			historyFile: dir + "/history", supvisorsPlugin: true, args: []string{"pid", "a"}}},
		{"-c " + conf + " -s http://h:1 -u me -p you -r /h pid", options{serverURL: "http://h:1", prompt: "mine", username: "me",
			password: "you", historyFile: "/h", supvisorsPlugin: true, args: []string{"pid"}}},
		{"--serverurl=localhost:9001 -c " + bare + " pid", options{serverURL: "localhost:9001", prompt: "supervisor", args: []string{"pid"}}},
	} {
		got, err := readOptions(append([]string{"supervisorctl"}, strings.Fields(c.args)...))
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if len(got.args) == 0 {
			got.args = nil
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.args, got, c.want)
		}
	}
}

// A wrong command line or configuration ends with status 2 and the peer's two lines.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/no-section.conf", "[supervisord]\n")
	write(t, dir+"/bad-name.conf", "[supervisorctl]\nserverurl=%(nope)s\n")
	write(t, dir+"/bad-format.conf", "[supervisorctl]\nserverurl=%(here)\n")
	write(t, dir+"/ok.conf", "[supervisorctl]\n")
	for _, c := range []struct{ args, want string }{
		{"-Z", "option -Z not recognized"},
		{"-s foo status", "invalid value for -s 'foo': value 'foo' is not a URL"},
		{"--serverurl=http:// status", "invalid value for --serverurl 'http://': value 'http://' is not a URL"},
		{"--serverurl ?x:y status", "invalid value for --serverurl '?x:y': value '?x:y' is not a URL"},
		{"-s foo -h", "invalid value for -s 'foo': value 'foo' is not a URL"},
		{"-s http://a -s http://b x", "conflicting command line option '-s'"},
		{"-u a --username=b x", "conflicting command line option '--username'"},
		{"-i -i", "conflicting command line option '-i'"},
		{"-c /no/such.conf status", "could not find config file /no/such.conf"},
		{"-c DIR status", "could not read config file DIR"},
		{"-c DIR/no-section.conf status", ".ini file does not include supervisorctl section"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))
		var out, errOut outcome
		exit := run(t.Context(), append([]string{"/bin/supervisorctl"}, args...), &console{}, &out, &errOut)
		want := "Error: " + strings.ReplaceAll(c.want, "DIR", dir) + "\nFor help, use /bin/supervisorctl -h\n"
		if exit != 2 || out.String() != "" || errOut.String() != want {
			t.Errorf("%s: exit %d, output %q, error output %q, want %q", c.args, exit, out.String(), errOut.String(), want)
		}
	}
	for _, name := range []string{"bad-name", "bad-format"} {
		if _, err := readOptions([]string{"x", "-c", dir + "/" + name + ".conf"}); err == nil ||
			!strings.HasPrefix(err.Error(), "Format string '%(") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHelpOption(t *testing.T) {
	for _, option := range []string{"-h", "--help", "-?", "-ih"} {
		var out, errOut outcome
		exit := run(t.Context(), []string{"/bin/ctl", option}, &console{}, &out, &errOut)
		if exit != 0 || errOut.String() != "" || !strings.Contains(out.String(), "\nUsage: /bin/ctl [options] [action [arguments]]\n") {
			t.Errorf("%s: exit %d, %q, %q", option, exit, out.String(), errOut.String())
		}
		for _, f := range ctlFlags {
			if !strings.Contains(out.String(), "-"+f.Short+"/--"+f.Long) && f.Long != "" {
				t.Errorf("%s does not tell of --%s", option, f.Long)
			}
		}
	}
}

// Without -c the file beside the program's directory comes before the one of the current directory.
func TestFindConfiguration(t *testing.T) {
	root := t.TempDir()
	here := filepath.Join(root, "here")
	write(t, filepath.Join(here, "etc/x"), "")
	t.Chdir(here)
	program := filepath.Join(root, "usr/bin/supervisorctl")
	for _, c := range []struct{ create, want string }{
		{"here/etc/supervisord.conf", "etc/supervisord.conf"},
		{"here/supervisord.conf", "supervisord.conf"},
		{"usr/supervisord.conf", filepath.Join(root, "usr/supervisord.conf")},
		{"usr/etc/supervisord.conf", filepath.Join(root, "usr/etc/supervisord.conf")},
	} {
		write(t, filepath.Join(root, c.create), "[supervisorctl]\n")
		if got := findConfiguration(program); got != c.want {
			t.Errorf("with %s: %q, want %q", c.create, got, c.want)
		}
	}
}

func TestIsURL(t *testing.T) {
	for text, want := range map[string]bool{
		"http://localhost:9001": true, "https://h": true, "unix:///tmp/s": true, "unix:/x": true, "localhost:9001": true, "a+b.c-d:x": true,
		"foo": false, "": false, ":x": false, "http:": false, "http://": false, "http:?q": false, "http:#f": false, "a b:c": false,
	} {
		if got := isURL(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
