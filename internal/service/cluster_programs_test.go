package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rpc"
)

const ownPrograms = `
[program:plain]
command=PLAY idle
autostart=false
startsecs=0
[program:auto]
command=PLAY idle
startsecs=0
[program:lazy]
command=PLAY slow
autostart=false
startsecs=0
stdout_logfile=DIR/lazy.out
[program:num]
command=PLAY idle
process_name=num_%(process_num)02d
numprocs=3
autostart=false
startsecs=0
[group:nums]
programs=num
[program:gone]
command=/no/such/thing
autostart=false
`

// newNodeDaemon returns a daemon with real processes that is n1 of a cluster in OPERATION; the other nodes know the program only2
// alone.
func newNodeDaemon(t *testing.T, prepare func(*daemon)) *daemon {
	t.Helper()
	return newDaemon(t, ownPrograms, func(d *daemon) {
		options := fakeOptions(t)
		f := newFakeCluster(t, options, func(nick string) (all []cluster.ProcessInfo) {
			if nick != "n1" {
				return []cluster.ProcessInfo{{Group: "only2", Name: "only2", Program: "only2", Expected: true}}
			}
			for _, p := range d.sup.Processes() {
				all = append(all, (&fakeCluster{}).fact(p.Info))
			}
			return all
		})
		d.deps.Statistics = stats.New(stats.Config{Host: true, Period: 5 * time.Second})
		f.nodes[0].local = func(o cluster.Order) error {
			if o.Action == cluster.StartProcess {
				return d.sup.StartProcessArgs(context.Background(), o.Namespec, o.ExtraArgs, false)
			}
			return d.sup.StopProcess(context.Background(), o.Namespec, false)
		}
		f.operate()
		heard := f.heard
		d.notify.Store(&heard)
		d.deps.Cluster, d.deps.Options = f, options
		if prepare != nil {
			prepare(d)
		}
	})
}

// numbers returns the names of the processes of a group that the rows of the instance show.
func (d *daemon) numbers() []string {
	d.t.Helper()
	names := []string{}
	for _, p := range d.ask("supvisors.get_all_local_process_info").([]any) {
		if get(d.t, p, "group") == "nums" {
			names = append(names, get(d.t, p, "name").(string))
		}
	}
	return names
}

func (d *daemon) wantNumbers(count int) {
	d.t.Helper()
	want := []string{}
	for i := range count {
		want = append(want, fmt.Sprintf("num_%02d", i))
	}
	if got := d.numbers(); !slices.Equal(got, want) {
		d.t.Errorf("processes %v, want %v", got, want)
	}
}

func TestStartArgs(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.start_args", "plain", "-x 'y z'")
	if p := d.sup.Wait("plain", process.Running); p.ExtraArgs != "-x 'y z'" {
		t.Errorf("extra arguments are %q", p.ExtraArgs)
	}
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: plain", "supvisors.start_args", "plain", "")
	d.want(true, "supvisors.start_args", "nums:num_01", "", false)
	d.wantFault(rpc.NoFile, "NO_FILE: can't find command '/no/such/thing'", "supvisors.start_args", "gone", "-w")
	gone := d.ask("supervisor.getProcessInfo", "gone")
	if get(t, gone, "statename") != "FATAL" || get(t, gone, "spawnerr") != "NO_FILE: can't find command '/no/such/thing'" {
		t.Errorf("a program that is not there: %v", gone)
	}
	d.wantFault(rpc.BadName, "BAD_NAME: namespec=only2 unknown to Supervisor", "supvisors.start_args", "only2", "")
	d.wantFault(rpc.BadName, "BAD_NAME: namespec=nums:* unknown to Supervisor", "supvisors.start_args", "nums:*", "")
	d.sup.End(supervisor.Shutdown)
	d.wantFault(rpc.ShutdownState, "SHUTDOWN_STATE", "supvisors.start_args", "nums:num_02", "")
}

func TestNumprocs(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.update_numprocs", "num", 5)
	d.wantNumbers(5)
	info := d.ask("supvisors.get_local_process_info", "nums:num_04")
	if got := pick(info, "statename", "process_index", "program_name"); !reflect.DeepEqual(got, m("statename", "STOPPED", "process_index", 4, "program_name", "num")) {
		t.Errorf("got %v", got)
	}
	d.want(true, "supvisors.start_args", "nums:num_03", "")
	d.want(true, "supvisors.update_numprocs", "num", 2)
	d.wantNumbers(2)
	d.want(true, "supvisors.update_numprocs", "num", " 4 ")
	d.want(true, "supvisors.update_numprocs", "num", 4.0, false)
	d.wantNumbers(4)
	for _, value := range []any{0, -1, "a", "", 0.5} {
		d.wantFault(rpc.IncorrectParameters, fmt.Sprintf("INCORRECT_PARAMETERS: program=num incorrect numprocs=%v - integer > 0 expected", value),
			"supvisors.update_numprocs", "num", value)
	}
	d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: program=num incorrect numprocs=False - integer > 0 expected",
		"supvisors.update_numprocs", "num", false)
	d.want(true, "supvisors.update_numprocs", "num", true)
	d.wantNumbers(1)
	d.want(true, "supvisors.update_numprocs", "num", 4)
	d.wantFault(rpc.BadName, "BAD_NAME: program=only2 unknown to Supvisors", "supvisors.update_numprocs", "only2", 2)
	d.wantFault(rpc.BadName, "BAD_NAME: program=nums unknown to Supvisors", "supvisors.update_numprocs", "nums", 0)
	d.wantFault(rpc.NotApplicable, "NOT_APPLICABLE: numprocs not applicable to program=plain", "supvisors.update_numprocs", "plain", 2)
	d.wantNumbers(4)
}

// In lazy mode, and when the caller does not wait, processes that are too many go when they have ended.
func TestNumprocsLater(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.start_args", "nums:num_02", "")
	d.want(true, "supvisors.update_numprocs", "num", 2, true, true)
	d.wantNumbers(3)
	if got := d.ask("supvisors.get_local_process_info", "nums:num_02"); get(t, got, "statename") != "RUNNING" {
		t.Errorf("got %v", got)
	}
	d.want(true, "supervisor.stopProcess", "nums:num_02")
	supervisortest.Until(t, "num_02 is gone", func() bool { return len(d.numbers()) == 2 })

	d.want(true, "supvisors.start_args", "nums:num_01", "")
	d.want(true, "supvisors.update_numprocs", "num", 1, false)
	supervisortest.Until(t, "num_01 is gone", func() bool { return len(d.numbers()) == 1 })
}

// disabilities reads the file of the daemon.
func (d *daemon) disabilities() map[string]bool {
	d.t.Helper()
	data, err := os.ReadFile(d.sup.Path("disabilities.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	var known map[string]bool
	if err := json.Unmarshal(data, &known); err != nil {
		d.t.Fatal(err)
	}
	return known
}

func TestDisable(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.disable", "plain")
	all := map[string]bool{"plain": true, "auto": false, "lazy": false, "num": false, "gone": false}
	if got := d.disabilities(); !reflect.DeepEqual(got, all) {
		t.Errorf("file: %v", got)
	}
	if got := d.ask("supvisors.get_local_process_info", "plain"); get(t, got, "disabled") != true {
		t.Errorf("got %v", got)
	}
	d.wantFault(rpc.Disabled, "DISABLED: plain", "supvisors.start_args", "plain", "")
	d.wantFault(rpc.Disabled, "DISABLED: plain", "supervisor.startProcess", "plain")
	d.want([]any{failed("plain", "plain", rpc.Disabled, "DISABLED: plain")}, "supervisor.startProcessGroup", "plain")
	d.wantFault(rpc.AbnormalTermination, "ABNORMAL_TERMINATION: failed to start plain", "supvisors.start_process", "LOCAL", "plain")
	d.want(true, "supvisors.disable", "plain")
	d.want(true, "supvisors.enable", "plain")
	all["plain"] = false
	if got := d.disabilities(); !reflect.DeepEqual(got, all) {
		t.Errorf("file: %v", got)
	}
	d.want(true, "supvisors.start_args", "plain", "")

	d.sup.Wait("auto", process.Running)
	d.want(true, "supvisors.disable", "auto")
	if got := pick(d.ask("supvisors.get_local_process_info", "auto"), "statename", "disabled"); !reflect.DeepEqual(got, m("statename", "STOPPED", "disabled", true)) {
		t.Errorf("got %v", got)
	}
	d.want(true, "supvisors.enable", "auto", false)
	d.sup.Wait("auto", process.Running) // it has autostart

	d.want(true, "supvisors.disable", "num")
	for i := range 3 {
		if got := d.ask("supvisors.get_local_process_info", fmt.Sprintf("nums:num_%02d", i)); get(t, got, "disabled") != true {
			t.Errorf("got %v", got)
		}
	}
	for _, method := range []string{"enable", "disable"} {
		for _, name := range []string{"zz", "nums:num_00", "only2"} {
			d.wantFault(rpc.BadName, "BAD_NAME: program="+name+" unknown to Supvisors", "supvisors."+method, name)
		}
	}
}

// The time that a disable takes is that of the processes it stops, unless the caller does not wait.
func TestDisableWithoutWaiting(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.start_args", "lazy", "")
	d.waitText("lazy.out", "up")
	d.want(true, "supvisors.disable", "lazy", false)
	if p := d.sup.Wait("lazy", process.Stopping); !p.Disabled {
		t.Error("it is not disabled")
	}
	d.sup.Wait("lazy", process.Stopped)
}

func TestDisabledAfterARestart(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.disable", "auto")
	known, err := OpenDisabilities(d.sup.Path("disabilities.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := known.Disabled(); !slices.Equal(got, []string{"auto"}) {
		t.Errorf("disabled: %v", got)
	}
}

func TestDisabilitiesFile(t *testing.T) {
	d := newDaemon(t, ownPrograms, nil)
	for _, text := range []string{"", "[]", `{"plain": 1}`, "nonsense"} {
		d.sup.Write("broken.json", text)
		if _, err := OpenDisabilities(d.sup.Path("broken.json")); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	none, err := OpenDisabilities("")
	if err != nil || none.Disabled() != nil || none.Save(d.sup.Supervisor) != nil {
		t.Errorf("without a file: %v", err)
	}
	d.sup.Write("old.json", `{"elsewhere": true, "plain": true}`)
	old, err := OpenDisabilities(d.sup.Path("old.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(old.Disabled())); !slices.Equal(got, []string{"elsewhere", "plain"}) {
		t.Errorf("disabled: %v", got)
	}
	old.path = d.sup.Path("new/folder/disabilities.json")
	if err := old.Save(d.sup.Supervisor); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(old.path)
	if want := `{"auto":false,"elsewhere":true,"gone":false,"lazy":false,"num":false,"plain":false}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
	old.path = d.sup.Path("main.log/disabilities.json") // under a file
	var path *os.PathError
	if err := old.Save(d.sup.Supervisor); !errors.As(err, &path) {
		t.Errorf("got %v", err)
	}
}
