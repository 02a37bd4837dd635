// Package story plays the README of an example in a test: the commands are run as a reader would copy them, against the real
// binaries, and what they print must be what the README shows.
//
// A README is a list of sections (## Title) with blocks of commands (```sh), each of which may be followed by a block with what they
// print (```text). Commands that only look, not act, are marked ```sh look: they are run again until they print what is shown, for the
// reader looks when things have settled. The first section builds the programs, which Open does; the test plays all others in their
// order and checks between them what the README does not show.
package story

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
)

// patience is how long anything may take on a busy machine.
const patience = 60 * time.Second

// Story is a README that is being played, in a directory of its own and on free ports.
type Story struct {
	t        *testing.T
	root     string // what the reader would have as the root of the repository
	name     string // of the example
	tag      string // an environment variable that marks all processes of this story
	ports    map[string]string
	sections []section
}

// portPattern finds the ports of the scenarios in their texts.
var portPattern = regexp.MustCompile(`\b61[1-9]\d\d\b`)

// Open lays out the example in the working directory below a root of its own and builds the binaries that it needs. When the test
// ends, so does every process that the story has started, and the logs of a failed story are shown.
func Open(t *testing.T) *Story {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s := &Story{t: t, root: t.TempDir(), name: filepath.Base(dir), ports: map[string]string{}}
	s.tag = fmt.Sprintf("STORY=%s.%d.%d", s.name, os.Getpid(), rand.Int())
	if err := s.copy(); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(s.Path("README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if s.sections, err = parse(string(readme)); err != nil {
		t.Fatalf("README.md: %v", err)
	}
	s.sections = s.sections[1:] // to build is up to us
	build := exec.Command("go", "build", "-o", filepath.Join(s.root, "bin")+"/", "./supvisors", "./supervisorctl", "./examples/plant")
	build.Dir = filepath.Join(dir, "../..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Cleanup(s.end)
	return s
}

// copy takes over what belongs to the example, with free ports in place of its own ones.
func (s *Story) copy() error {
	texts := map[string]string{}
	used := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return os.MkdirAll(s.Path(path), 0o755)
		case filepath.Ext(path) == ".go" || strings.HasPrefix(path, "run/"): // the latter was left behind by a reader
			return nil
		}
		data, err := os.ReadFile(path)
		texts[path] = string(data)
		for _, port := range portPattern.FindAllString(texts[path], -1) {
			used[port] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	// what is sorted in the README is sorted here
	free := porttest.Free(s.t, len(used))
	for i, port := range slices.Sorted(maps.Keys(used)) {
		s.ports[port] = free[i]
	}
	for path, text := range texts {
		text = portPattern.ReplaceAllStringFunc(text, s.Port)
		if err := os.WriteFile(s.Path(path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Path is where a file of the example is.
func (s *Story) Path(path string) string { return filepath.Join(s.root, "examples", s.name, path) }

// Read returns the text of a file of the example, "" while there is none.
func (s *Story) Read(path string) string {
	data, _ := os.ReadFile(s.Path(path))
	return string(data)
}

// Port is what stands for a port of the README.
func (s *Story) Port(port string) string { return s.ports[port] }

// Play plays the next section, which has this title. Nothing goes on after a step that failed.
func (s *Story) Play(t *testing.T, title string) {
	t.Helper()
	if len(s.sections) == 0 || s.sections[0].title != title {
		t.Fatalf("%q is not the next section of the README", title)
	}
	steps := s.sections[0].steps
	s.sections = s.sections[1:]
	for _, step := range steps {
		if !t.Run(title, func(t *testing.T) { s.play(t, step) }) {
			t.FailNow()
		}
	}
}

// End checks that the README was told to its end, and that its last section left no process behind.
func (s *Story) End(t *testing.T) {
	t.Helper()
	for _, left := range s.sections {
		t.Errorf("the section %q of the README is not played", left.title)
	}
	s.Await(t, "all processes have ended", s.Quiet)
}

// Quiet reports whether no process of the story is left.
func (s *Story) Quiet() bool { return len(tagtest.Find(s.tag)) == 0 }

// play runs the commands of one step.
func (s *Story) play(t *testing.T, step step) {
	if strings.Contains(step.commands, "python3") && !Python() {
		t.Skip("/usr/bin/python3 is not installed: no Python script can be run")
	}
	s.check(t, step.commands)
	commands := step.commands
	if step.shown == "" {
		commands = "set -e\n" + commands // there is no telling from the output that one of them failed
	}
	var got string
	try := func() bool {
		out, err := s.Run(commands)
		got = fmt.Sprintf("%s[%v]", out, err)
		if step.shown == "" {
			return err == nil
		}
		return alike(step.shown, out)
	}
	deadline := time.After(patience)
	for !try() {
		if !step.look {
			t.Fatalf("%s\nprints\n%s\nwanted\n%s", step.commands, got, step.shown)
		}
		select {
		case <-deadline:
			t.Fatalf("%s\nprints\n%s\nand not, at last,\n%s", step.commands, got, step.shown)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// starting finds the commands that start a node.
var starting = regexp.MustCompile(`(?m)^(.*bin/supvisors) (-c .*)$`)

// check checks the configurations of the nodes that commands start. All nodes share the rules, so there may be notes about some that
// match nothing on one; a developer's node is alone, and warned of them.
func (s *Story) check(t *testing.T, commands string) {
	t.Helper()
	for _, node := range starting.FindAllStringSubmatch(commands, -1) {
		out, _ := s.Run(node[1] + " check " + node[2]) // the exit status tells less than the output
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, "note: ") && !strings.HasPrefix(line, "warning: ") || !strings.HasSuffix(line, " here\n") {
				t.Errorf("%s check %s: %s", node[1], node[2], line)
			}
		}
	}
}

// Python reports whether the steps with Python are played.
func Python() bool {
	_, err := os.Stat("/usr/bin/python3")
	return err == nil
}

// Run runs commands as a reader would and returns what they print.
func (s *Story) Run(commands string) (string, error) {
	// a file takes the output, not a pipe: a daemon that keeps it open would hold us
	out, err := os.CreateTemp(s.root, "out")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", commands)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.root, out, out
	cmd.Env = append(os.Environ(), s.tag, "PATH=/usr/bin:"+os.Getenv("PATH"))
	failure := cmd.Run()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return "", err
	}
	return string(text), failure
}

// end kills what is left of the story, and tells how it came to a bad end.
func (s *Story) end() {
	tagtest.Kill(s.t, s.tag, patience)
	if !s.t.Failed() {
		return
	}
	logs, _ := filepath.Glob(s.Path("run/*.log"))
	for _, log := range logs {
		if text, _ := os.ReadFile(log); len(text) > 0 {
			s.t.Logf("%s:\n%s", filepath.Base(log), text)
		}
	}
}
