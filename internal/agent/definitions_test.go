package agent

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// TestReconcile: which definitions are present and which are past, and how many of these are kept.
func TestReconcile(t *testing.T) {
	// "a1" is the configuration 1 of group a, "-a1" a former one
	parse := func(text string) (list []definition) {
		for word := range strings.FieldsSeq(text) {
			name, archived := strings.CutPrefix(word, "-")
			list = append(list, definition{ID: name, Group: name[:1], Hash: []byte(name[1:]), Archived: archived})
		}
		return list
	}
	for _, tt := range []struct {
		list, now, want string
		changed         bool
	}{
		{"", "", "", false},
		{"", "a1 b1", "a1 b1", true},
		{"a1 b1", "a1 b1", "a1 b1", false},
		{"a1 b1", "a2 b1", "b1 -a1 a2", true},
		{"b1 -a1 a2", "b1", "b1 -a1 -a2", true},
		{"b1 -a1 -a2", "a2 b1", "b1 -a1 a2", true},
		{"b1 -a1 -a2", "a1 b1", "b1 -a1 -a2 a1", true},
		{"-b1 a1", "a1", "-b1 a1", false},
	} {
		before := parse(tt.list)
		got, changed := reconcile(before, parse(tt.now))
		text := ""
		for _, d := range got {
			if d.Archived {
				text += "-"
			}
			text += d.ID + " "
		}
		if strings.TrimSpace(text) != tt.want || changed != tt.changed {
			t.Errorf("%s, then %s: %s %t", tt.list, tt.now, text, changed)
		}
		if !slices.EqualFunc(before, parse(tt.list), func(a, b definition) bool { return a.ID == b.ID && a.Archived == b.Archived }) {
			t.Errorf("%s, then %s: what was read is changed", tt.list, tt.now)
		}
	}
	list := parse("b0")
	for i := range 50 {
		list, _ = reconcile(list, parse(fmt.Sprint("a", i, " b0")))
	}
	want(t, "kept", len(list), keptDefinitions+2)
	want(t, "the oldest that is kept", list[1].ID, "a29")
}

// TestServices: what the applications are configured as, and what an update has changed.
func TestServices(t *testing.T) {
	program := func(value string) string {
		return "[program:one]\ncommand=PLAY idle\nstartsecs=0\ndirectory=DIR\nenvironment=A=\"" + value + "\",B=\"2\"\n"
	}
	w := newWorld(t, program("1")+"[program:two]\ncommand=PLAY idle\nautostart=false\n", func(c *Config) {
		c.Options.Versions = map[string]string{"one": "2.1"}
		c.Signature = func(group string) string { return "signed " + group }
	})
	w.sup.Wait("one", process.Running)
	w.team.see(cluster.Operation, application("one", true, 2), application("two", true, 1), application("off", true, 0))
	services := func() []agent.Definition {
		s, err := w.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s.Definitions
	}
	first := services()
	if len(first) != 2 {
		t.Fatal(first)
	}
	d, p := first[0], first[0].Processes[0]
	if d.Application.Name != "one" || d.Application.Version != "2.1" || d.Signature != "signed one" || d.Archived || len(d.Hash) != 32 ||
		len(d.Requires) != 1 || d.Requires[0].URL != "two" || len(first[1].Requires) != 0 || time.Since(time.Unix(int64(d.Updated), 0)) > time.Minute {
		t.Errorf("%+v", first)
	}
	if p.Name != "one" || p.Environment["A"] != "1" || p.Directory != w.sup.Dir || !p.Autostart || first[1].Processes[0].Autostart {
		t.Errorf("%+v", p)
	}
	want(t, "definition of a group", w.Definition("one"), d.RecordID)
	w.ledger.instances = []agent.Instance{{ID: "1", Application: w.Application("one")}}
	update := func() {
		changes, err := w.sup.Reread()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.sup.Apply(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
	}
	w.sup.Configure(program("3"))
	update()
	supervisortest.Until(t, "the update is noticed by itself", func() bool {
		return w.Definition("one") != d.RecordID && w.Definition("two") == ""
	})
	w.again()
	all := services()
	if len(all) != 3 {
		t.Fatal(all)
	}
	now := all[2]
	archived := all[slices.IndexFunc(all, func(x agent.Definition) bool { return x.RecordID == d.RecordID })]
	if !archived.Archived || archived.Processes[0].Environment["A"] != "1" || now.Archived || now.Processes[0].Environment["A"] != "3" || bytes.Equal(now.Hash, d.Hash) {
		t.Errorf("%+v", all)
	}
	s, _ := w.Services(t.Context())
	want(t, "definition of a run", s.Instances[0].Definition, now.RecordID)
	w.sup.Configure("; a comment\n" + strings.Replace(program("3"), `A="3",B="2"`, `B="2",A="3"`, 1))
	update()
	want(t, "an update that changes nothing", len(services()), 3)
}
