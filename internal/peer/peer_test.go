// Package peer compares this product with the program that it replaces. Each scenario of testdata is played twice, by Debian's
// supervisord and supervisorctl of Supervisor 4.2.5 and by ours, side by side; the two transcripts must agree line by line,
// but for times, pids, paths and the few differences that are accepted below with their reasons.
//
// A transcript holds what a user of Supervisor sees: output and exit codes of the shell, replies of the XML-RPC interface with their
// types, exit codes and messages of the daemon, files of logs, and what event listeners were told. The replies are decoded here by
// the test's own reader, so that an error of package rpc cannot hide itself.
package peer

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// debian is the Supervisor that we are compared with.
const (
	debianDaemon = "/usr/bin/supervisord"
	debianShell  = "/usr/bin/supervisorctl"
	version      = "4.2.5"
)

// difference is one that we mean to keep: what matches in a line of either transcript is read as the text of as, and a line of which
// nothing is left is left out.
type difference struct {
	scenario string // where it may appear, as path.Match writes it
	text     *regexp.Regexp
	as       string
	reason   string
}

// accepted lists every difference from Supervisor 4.2.5 that a scenario may show.
var accepted = []difference{
	{"*", regexp.MustCompile(`^(  (?:peer> )?"?)4\.(2\.5|3\.0)\b`), "${1}VERSION", "we speak as Supervisor 4.3.0, the newest release"},
	{"*", regexp.MustCompile(`"autorestart":("unexpected"|true|false), `), "", "getAllConfigInfo tells it since Supervisor 4.4"},
	{"*", regexp.MustCompile(`^  TIME INFO waiting for \w+ to stop$`), "", "Supervisor says it or not, as its loop happens to turn"},
	{"*", regexp.MustCompile(`: file: /usr/lib/python3\S* line: \d+`), "", "where Supervisor's shell raised an error is of no use"},
	{"*", regexp.MustCompile(`^  TIME INFO success: \w+ entered RUNNING state, .* than 0 seconds.*$`), "", "said or not, if the program ends at once"},
	{"*", regexp.MustCompile(`^  \S+\.conf(:\d+)?: .*$`), "", "of a configuration we also say where it is wrong"},
	{"bad_listeners", regexp.MustCompile(`Error: \('([\w ]+) %s([\w ]*)', '(\S+)'\)`), "Error: $1 $3$2", "Supervisor shows the inside of an exception"},
	{"bad_programs", regexp.MustCompile(`Error: \[(program:p|group:g)\] names unknown`), "Error: [group:g] names unknown", "Supervisor names the last section that it read"},
	{"bad_daemon", regexp.MustCompile(`only allow you to open \d+ file`), "only allow you to open N file", "Supervisor names what it asked for as what it may have"},
	{"wrong_types", regexp.MustCompile(`^  (fault status 500.*|fault .*"(INCORRECT_PARAMETERS|BAD_SIGNAL).*|\[\{.*INCORRECT_PARAMETERS.*)`), "  refused", "a crash of Supervisor is a fault here"},
}

// TestMain plays four scenarios at a time, whatever the number of cores: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestPeer(t *testing.T) {
	out, err := exec.Command(debianDaemon, "--version").Output()
	if err != nil || strings.TrimSpace(string(out)) != version {
		t.Skipf("Supervisor %s is not installed as %s: there is nothing to compare with", version, debianDaemon)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "./supvisors", "./supervisorctl")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, err := parseScenario(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, name, sc, bin)
		})
	}
}

// compare plays sc on both sides at once and demands the same transcript. Supervisor has races of its own (a signal is lost on the
// copy that it forks, its loop sees what comes together in any order), so it may play twice; ours plays once.
func compare(t *testing.T, name string, sc *scenario, bin string) {
	top, err := os.MkdirTemp("", "peer") // short: paths of unix sockets have no more than 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	supervisor := func(dir string) []string {
		return accept(name, play(sc, newSide(t, filepath.Join(top, dir), debianDaemon, debianShell)))
	}
	theirs := make(chan []string, 1)
	go func() { theirs <- supervisor("peer") }()
	ours := play(sc, newSide(t, filepath.Join(top, "ours"), filepath.Join(bin, "supvisors"), filepath.Join(bin, "supervisorctl")))
	want, got := <-theirs, accept(name, ours)
	if d := diff(want, got); d != "" {
		t.Logf("Supervisor plays again; at first:\n%s", d)
		want = supervisor("next") // as long a name as the others: lengths are part of transcripts
	}
	if d := diff(want, got); d != "" {
		t.Errorf("- Supervisor %s, + ours:\n%s", version, d)
	}
	for _, line := range want {
		if strings.HasPrefix(line, broken) {
			t.Errorf("the scenario does not work with Supervisor itself: %s", line)
		}
	}
	if testing.Verbose() && os.Getenv("PEER_TRANSCRIPT") != "" {
		t.Log("\n" + strings.Join(want, "\n"))
	}
}
