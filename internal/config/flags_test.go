package config

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseFlags(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want Flags
	}{
		{nil, Flags{}},
		{[]string{"-n", "-c", "x.conf"}, Flags{NoDaemon: true, Configuration: "x.conf"}},
		{[]string{"-nskt", "-cx"}, Flags{NoDaemon: true, Silent: true, NoCleanup: true, StripANSI: true, Configuration: "x"}},
		{[]string{"-nsc", "x"}, Flags{NoDaemon: true, Silent: true, Configuration: "x"}},
		{[]string{"--nodaemon", "--conf=x", "--ident", "me"}, Flags{NoDaemon: true, Configuration: "x", Identifier: "me"}},
		{[]string{"-u", "root", "-m", "077", "-d", dir, "-l", "l.log", "-y", "1KB", "-z", "0", "-e", "DEBUG", "-j", "x.pid", "-i", "i", "-q", dir, "-a", "9", "--minprocs", "8"},
			Flags{User: "root", Umask: new(0o77), Directory: dir, Logfile: "l.log", LogMaxBytes: new(int64(1024)), LogBackups: new(0), LogLevel: new(slog.LevelDebug),
				Pidfile: "x.pid", Identifier: "i", ChildLogDir: dir, MinFDs: new(9), MinProcs: new(8)}},
		{[]string{"-h"}, Flags{Help: true}},
		{[]string{"-?"}, Flags{Help: true}},
		{[]string{"--version"}, Flags{Version: true}},
		{[]string{"-n", "--help", "-e", "nonsense"}, Flags{NoDaemon: true, Help: true}},
		{[]string{"--profile_options=cumulative"}, Flags{}},
		{[]string{"-n", "--"}, Flags{NoDaemon: true}},
		{[]string{"-i", "-n"}, Flags{Identifier: "-n"}},
	} {
		got, err := ParseFlags(c.args)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q gives %+v, %v; want %+v", c.args, got, err, c.want)
		}
	}
}

func TestParseFlagsErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-Z"}, "option -Z not recognized"},
		{[]string{"-né"}, "option -é not recognized"},
		{[]string{"--bogus"}, "option --bogus not recognized"},
		{[]string{"--m", "1"}, "option --m not a unique prefix"},
		{[]string{"--nodaemon=1"}, "option --nodaemon must not have an argument"},
		{[]string{"--user"}, "option --user requires argument"},
		{[]string{"-i"}, "option -i requires argument"},
		{[]string{"extra"}, "positional arguments are not supported: ['extra']"},
		{[]string{"-n", "-", "b"}, "positional arguments are not supported: ['-', 'b']"},
		{[]string{"--", "-n"}, "positional arguments are not supported: ['-n']"},
		{[]string{"-e", "foo"}, "invalid value for -e 'foo': bad logging level name 'foo'"},
		{[]string{"--loglevel=foo"}, "invalid value for --loglevel 'foo': bad logging level name 'foo'"},
		{[]string{"-m", "9"}, "invalid value for -m '9': 9 can not be converted to an octal type"},
		{[]string{"-d", "/nope"}, "invalid value for -d '/nope': /nope is not an existing directory"},
		{[]string{"-l", "/nope/x"}, "invalid value for -l '/nope/x': The directory named as part of the path /nope/x does not exist"},
		{[]string{"-a", "x"}, "invalid value for -a 'x': invalid literal for int() with base 10: 'x'"},
		{[]string{"-n", "-n"}, "conflicting command line option '-n'"},
		{[]string{"-c", "a", "--configuration", "b"}, "conflicting command line option '--configuration'"},
		{[]string{"-z", "0", "-z", "0"}, "conflicting command line option '-z'"},
		{[]string{"-e", "info", "-e", "foo"}, "invalid value for -e 'foo': bad logging level name 'foo'"},
	} {
		if _, err := ParseFlags(c.args); err == nil || err.Error() != c.want {
			t.Errorf("%q gives %v, want %s", c.args, err, c.want)
		}
	}
}

const getoptScript = `
import getopt, json, sys
def read(args):
    try:
        opts, rest = getopt.getopt(args, 'h?vc:nsktu:m:d:l:y:z:e:j:i:q:a:', ['help', 'version', 'configuration=', 'nodaemon', 'silent', 'nocleanup', 'strip_ansi',
            'user=', 'umask=', 'directory=', 'logfile=', 'logfile_maxbytes=', 'logfile_backups=', 'loglevel=', 'pidfile=', 'identifier=', 'childlogdir=',
            'minfds=', 'minprocs=', 'profile_options='])
        return ' '.join('%s(%s)' % o for o in opts) + ' | ' + ' '.join(rest)
    except getopt.error as e:
        return 'error: %s' % e
json.dump([read(a) for a in json.load(sys.stdin)], sys.stdout)
`

func TestGetoptIsPythons(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	pieces := []string{"-n", "-c", "-nc", "-cx", "-nsv", "-x", "--", "-", "--log", "--logfile", "--logfile=", "--logfile=a=b", "--nod", "--nodaemon=1", "--no", "--min", "--minp", "--p",
		"--user", "--us=r", "word", "", "-?", "-u", "--=", "--h", "-hé"}
	all := make([][]string, 3000)
	for i := range all {
		all[i] = []string{}
		for range r.IntN(5) {
			all[i] = append(all[i], pieces[r.IntN(len(pieces))])
		}
	}
	input, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-X", "utf8", "-c", getoptScript)
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if err != nil {
		t.Skip("python3 is not installed, so there is nothing to compare with")
	}
	var want []string
	if err := json.Unmarshal(output, &want); err != nil {
		t.Fatal(err)
	}
	for i, args := range all {
		words, rest, err := Getopt(args, commandFlags())
		var shown []string
		for _, w := range words {
			shown = append(shown, w.Name+"("+w.Arg+")")
		}
		got := strings.Join(shown, " ") + " | " + strings.Join(rest, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want[i] {
			t.Errorf("%q gives %s, in Python %s", args, got, want[i])
		}
	}
}

// TestFlagsOverrideTheFile has a file that says something else for each flag.
func TestFlagsOverrideTheFile(t *testing.T) {
	dir := t.TempDir()
	const file = "[supervisord]\nlogfile=a.log\npidfile=a.pid\nidentifier=a\nloglevel=error\nlogfile_backups=4\nlogfile_maxbytes=5\numask=011\nminfds=6\nminprocs=7\nuser=root\n"
	flags, err := ParseFlags([]string{"-n", "-s", "-k", "-t", "-l", dir + "/b.log", "-j", dir + "/b.pid", "-i", "b", "-e", "info", "-z", "0", "-y", "0", "-m", "0",
		"-a", "0", "--minprocs=0", "-d", dir, "-q", dir, "-u", "0"})
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := loadText(t, file, flags)
	if err != nil {
		t.Fatal(err)
	}
	want := Supervisord{NoDaemon: true, Silent: true, NoCleanup: true, StripANSI: true, User: "0", UID: 0, GID: 0, Directory: dir, ChildLogDir: dir,
		Logfile: dir + "/b.log", Pidfile: dir + "/b.pid", Identifier: "b"}
	if !reflect.DeepEqual(c.Supervisord, want) {
		t.Errorf("got  %+v\nwant %+v", c.Supervisord, want)
	}
	c, _, err = loadText(t, file, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Supervisord; d.Identifier != "a" || d.LogLevel != 8 || d.LogBackups != 4 || d.Umask != 0o11 || d.MinFDs != 6 || filepath.Base(d.Logfile) != "a.log" || !filepath.IsAbs(d.Pidfile) {
		t.Errorf("without flags the section is %+v", d)
	}
}

func TestUserOfTheFlags(t *testing.T) {
	_, _, err := loadText(t, "[supervisord]\nuser=root\n", Flags{User: "nosuchuser"})
	if err == nil || err.Error() != "Invalid user name nosuchuser" {
		t.Errorf("got %v", err)
	}
}

func TestUsage(t *testing.T) {
	text := Usage("prog")
	for _, f := range flagTable {
		if f.Long != "" && !strings.Contains(text, "--"+f.Long) && !strings.Contains(text, "/--"+f.Long) {
			t.Errorf("--%s is not explained", f.Long)
		}
	}
	if strings.Count(text, "prog") < 2 || strings.Contains(text, "%") {
		t.Errorf("got %s", text)
	}
}

func TestFind(t *testing.T) {
	dir := folder(t, map[string]string{"supervisord.conf": "", "etc/supervisord.conf": ""})
	t.Chdir(dir)
	if got, err := Find(Flags{}); err != nil || got != "supervisord.conf" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := Find(Flags{Configuration: "/any"}); err != nil || got != "/any" {
		t.Errorf("got %s, %v", got, err)
	}
	want := []string{"/opt/etc/supervisord.conf", "/opt/supervisord.conf", "supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"}
	if got := SearchPaths("/opt/bin/supervisord"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}
