package dashboard

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// What a Supervisor alone tells step by step ends in the View that one gets by looking at everything, and no step is passed over.
func TestAlone(t *testing.T) {
	d := newAlone(t, "[group:g]\nprograms=a,b\n[program:a]\ncommand=PLAY idle\nstartsecs=0\n[program:b]\ncommand=PLAY idle\nautostart=false\nstartsecs=0\n"+
		"[program:c]\ncommand=PLAY idle\nnumprocs=3\nprocess_name=c_%(process_num)d\nstartsecs=0\n")
	d.shows("g:a", "RUNNING")
	d.shows("c:c_2", "RUNNING")
	for range 3 {
		for _, do := range []string{"stop", "start"} {
			if job := d.done(fmt.Sprintf(`{"action":%q,"target":"c:c_1"}`, do)); job.State != "done" {
				t.Fatalf("%+v", job)
			}
		}
	}
	d.done(`{"action":"start","target":"g:b"}`)
	d.shows("g:b", "RUNNING")
	supervisortest.Until(t, "the View is that of everything", func() bool {
		return reflect.DeepEqual(d.current(), d.ownView(nil))
	})
	var texts []string
	for _, m := range d.Snapshot().Moments {
		if m.Kind == "process" && m.Process == "c:c_1" {
			texts = append(texts, strings.Fields(m.Text)[2])
		}
	}
	round := []string{"STOPPING", "STOPPED", "STARTING", "RUNNING"}
	if want := slices.Concat(round, round, round); !slices.Equal(texts[max(0, len(texts)-len(want)):], want) {
		t.Errorf("the timeline has %q", texts)
	}
}

// A change costs what it concerns: all other processes stay the objects that they were. What is not known yet has everything looked at.
func TestHeard(t *testing.T) {
	d := newAlone(t, "[program:a]\ncommand=PLAY idle\nautostart=false\n[program:b]\ncommand=PLAY idle\nautostart=false\n")
	before := d.current()
	a := process.Info{Group: "a", Name: "a", State: process.Running, PID: 7}
	v, ok := d.changed(before, []process.Info{a})
	if !ok || v.Applications[0].Processes[0].State != process.Running || v.Applications[0].State != cluster.ApplicationRunning {
		t.Fatalf("%v %+v", ok, v)
	}
	if v.Applications[1] != before.Applications[1] || before.Applications[0].Processes[0].State != process.Stopped {
		t.Error("more has changed than was told")
	}
	if _, ok := d.changed(before, []process.Info{{Group: "c", Name: "c"}}); ok {
		t.Error("a process is shown that is not there")
	}
	alone := Dashboard{heard: heard{wake: make(chan struct{}, 1)}}
	alone.Heard(event.ProcessLog{})
	alone.Heard(event.Tick{})
	if len(alone.heard.wake) > 0 {
		t.Error("it wakes up for what does not show")
	}
	for range 2 * maxHeard {
		alone.Heard(event.StateChanged{Change: process.Change{Info: a}})
	}
	<-alone.heard.wake
	alone.Heard(event.StateChanged{Change: process.Change{Info: a}})
	if len(alone.heard.wake) > 0 {
		t.Error("it is woken up for each of many")
	}
	if changes, anew := alone.heard.take(); len(changes) != maxHeard || !anew {
		t.Errorf("%d changes wait, anew %v", len(changes), anew)
	}
	alone.Heard(event.GroupAdded{Group: "c"})
	if changes, anew := alone.heard.take(); len(changes) > 0 || !anew {
		t.Errorf("%d changes wait, anew %v", len(changes), anew)
	}
}
