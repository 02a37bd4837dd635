package device

import (
	"errors"
	"hash/fnv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/device"
)

func TestNumber(t *testing.T) {
	for _, name := range []string{"", "web", "grp", "é"} {
		h := fnv.New32a()
		h.Write([]byte(name))
		want(t, name, number(name), int(h.Sum32()&math.MaxInt32))
	}
	want(t, "web, on every node and in every release", number("web"), 265927825)
}

func TestUUID(t *testing.T) {
	folder := newFolder(t)
	first, err := loadUUID("", "n1", folder)
	if err != nil || !isHex(first, 32) {
		t.Fatal(first, err)
	}
	if again, err := loadUUID("", "other name", folder); err != nil || again != first {
		t.Errorf("it was not kept: %s, %v", again, err)
	}
	if other, err := loadUUID("", "n2", newFolder(t)); err != nil || other == first {
		t.Errorf("two nodes of one machine: %s, %v", other, err)
	}
	given := strings.Repeat("0a", 16)
	if got, err := loadUUID(given, "n1", folder); err != nil || got != given {
		t.Errorf("configured: %s, %v", got, err)
	}
	for _, bad := range []string{"1", strings.Repeat("0A", 16), strings.Repeat("0g", 16)} {
		if _, err := loadUUID(bad, "n1", folder); err == nil {
			t.Errorf("%s is a uuid", bad)
		}
	}
	broken := newFolder(t)
	os.Remove(broken.Path(""))
	if _, err := loadUUID("", "n1", broken); err == nil || !strings.Contains(err.Error(), "save "+broken.Path(identityFile)) {
		t.Errorf("it cannot be kept: %v", err)
	}
	os.WriteFile(folder.Path(identityFile), []byte("{"), 0o600)
	if _, err := loadUUID("", "n1", folder); err == nil {
		t.Error("a damaged file is an identity")
	}
}

func TestResolveApp(t *testing.T) {
	groups := []string{"web", "grp", "7", "other"}
	n := numbers{"web": 1002, "grp": 7}
	for app, want := range map[string]string{
		"web": "web", "grp": "grp", "1002": "web",
		"7":                           "7", // names first
		strconv.Itoa(number("other")): "other",
		strconv.Itoa(number("web")):   "", // it has another number
		"0":                           "", "-7": "", "+1002": "", "1002 ": "", "0x3ea": "", "Web": "", "": "",
		"99999999999999999999999999999999": "",
	} {
		got, err := n.resolve(app, groups)
		var unknown *device.UnknownApp
		if got != want || (err != nil) != (want == "") || err != nil && !errors.As(err, &unknown) {
			t.Errorf("%q: got %q, %v, want %q", app, got, err, want)
		}
	}
	if got, err := n.resolve("7", []string{"web", "grp"}); got != "grp" {
		t.Errorf("by its number: %q, %v", got, err)
	}
}

func TestSameNumber(t *testing.T) {
	if err := (numbers{}).check([]string{"web", "grp"}); err != nil {
		t.Error(err)
	}
	err := numbers{"web": number("grp")}.check([]string{"web", "grp"})
	if err == nil || !strings.Contains(err.Error(), "app_ids") || !strings.Contains(err.Error(), "web and grp") {
		t.Errorf("two with one number: %v", err)
	}
	for _, id := range []int{0, -1, math.MaxInt32 + 1} {
		if err := (numbers{"web": id}).check([]string{"web"}); err == nil {
			t.Errorf("%d is a number", id)
		}
	}
	if err := (numbers{"gone": number("web")}).check([]string{"web"}); err != nil {
		t.Errorf("a number of no group: %v", err)
	}
}

// FuzzResolveApp finds for every text one of the groups, or none; never two texts of one number.
func FuzzResolveApp(f *testing.F) {
	for _, app := range []string{"web", "1002", "", "01002", strconv.Itoa(number("grp")), "9223372036854775808"} {
		f.Add(app, "web", 1002)
	}
	f.Fuzz(func(t *testing.T, app, name string, id int) {
		n := numbers{name: id}
		groups := []string{name, "grp", "other"}
		if n.check(groups) != nil {
			return // refused at start: there is nothing to resolve
		}
		for _, group := range groups {
			if got, err := n.resolve(strconv.Itoa(n.of(group)), groups); err != nil || got != group && strconv.Itoa(n.of(group)) != got {
				t.Errorf("%d is %q, %v, want %q", n.of(group), got, err, group)
			}
		}
		got, err := n.resolve(app, groups)
		if err == nil && got != app && strconv.Itoa(n.of(got)) != app {
			t.Errorf("%q is %q of number %d", app, got, n.of(got))
		}
	})
}

func TestContainerID(t *testing.T) {
	at := time.Unix(1700000000, 5)
	seen := map[string]string{}
	for what, info := range map[string]process.Info{
		"before the first start": {Group: "g", Name: "p"}, "started": {Group: "g", Name: "p", Start: at},
		"started again": {Group: "g", Name: "p", Start: at.Add(1)}, "another": {Group: "g", Name: "q", Start: at},
	} {
		id := containerID("uuid", info)
		if other, dup := seen[id]; dup || !isHex(id, 64) {
			t.Errorf("%s: %s, as %s", what, id, other)
		}
		seen[id] = what
	}
	if containerID("u1", process.Info{Group: "g", Name: "p"}) != containerID("u2", process.Info{Group: "g", Name: "p"}) {
		t.Error("before the first start it depends on the node")
	}
	if containerID("u1", process.Info{Group: "g", Name: "p", Start: at}) == containerID("u2", process.Info{Group: "g", Name: "p", Start: at}) {
		t.Error("two nodes have one container")
	}
}

// TestCommit compares files that mean the same, and that do not.
func TestCommit(t *testing.T) {
	w := newWorld(t, "", nil)
	of := func(text string) string {
		t.Helper()
		w.sup.Configure(text)
		cfg, err := w.sup.Load()
		if err != nil {
			t.Fatal(err)
		}
		return commit(cfg.Groups)
	}
	base := of("[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\n[program:b]\ncommand=/bin/b\n")
	for text, same := range map[string]bool{
		"; a comment\n[program:b]\ncommand=/bin/b\n\n[program:a]\nenvironment=Y=\"2\",X=\"1\"\ncommand=/bin/a ; more\n":    true,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\npriority=999\n[program:b]\ncommand=/bin/b\n":            true,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"3\"\n[program:b]\ncommand=/bin/b\n":                          false,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\n[program:b]\ncommand=/bin/b -x\n":                       false,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\n[program:c]\ncommand=/bin/b\n":                          false,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\n":                                                       false,
		"[program:a]\ncommand=/bin/a\nenvironment=X=\"1\",Y=\"2\"\n[program:b]\ncommand=/bin/b\n[group:g]\nprograms=a,b\n": false,
	} {
		if got := of(text); (got == base) != same || !isHex(got, 40) {
			t.Errorf("same %v, want %v:\n%s", got == base, same, text)
		}
	}
}

// TestCommitOfWhatRuns is that of the file that it runs by.
func TestCommitOfWhatRuns(t *testing.T) {
	w := newWorld(t, programs, nil)
	cfg, err := w.sup.Load()
	if err != nil {
		t.Fatal(err)
	}
	want(t, "commit", commit(w.active()), commit(cfg.Groups))
	c := w.differ(cfg)
	want(t, "differences", len(c.Added)+len(c.Changed)+len(c.Removed), 0)
	web, err := w.App(t.Context(), "web", false)
	if err != nil {
		t.Fatal(err)
	}
	group, _ := cfg.Group("web")
	want(t, "commit of an application", web.Commit, commit([]config.Group{group}))
}

func TestCollisionIsAStartUpError(t *testing.T) {
	w := newWorld(t, programs, nil)
	c := w.cfg
	c.Options.Apps = map[string]int{"web": number("grp")}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "app_ids") {
		t.Errorf("started: %v", err)
	}
}

func TestPrograms(t *testing.T) {
	for _, tt := range []struct{ command, dir, path, want string }{
		{"/bin/x y", "", "", "/bin/x"}, {"bin/x", "/srv", "", "/srv/bin/x"}, {"sh -c x", "", "/nowhere:/bin", "/bin/sh"},
		{"no-such-program", "", "/bin", "no-such-program"}, {"'", "", "", "'"}, {"", "", "", ""},
	} {
		s := &process.Spec{Command: tt.command, Directory: tt.dir}
		if tt.path != "" {
			s.Environment = []process.EnvVar{{Name: "PATH", Value: tt.path}}
		}
		want(t, tt.command, program(s), tt.want)
	}
}
