package dashboard

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// lab is a dashboard of n1, whose Core is real; the other nodes are played by the test.
type lab struct {
	*Dashboard
	t    *testing.T
	core *cluster.Core
	now  time.Time
	seq  map[string]uint64
	told uint64 // the last moment that the test has seen
}

const labWall = 1_700_000_000

// newLab returns n1, n2 and n3 in OPERATION. rulesXML are the elements of a rules file; all nodes know the programs.
func newLab(t *testing.T, rulesXML string, programs ...string) *lab {
	t.Helper()
	l := startLab(t, rulesXML, nil, programs...)
	l.join("n2", programs...)
	l.join("n3", programs...)
	for _, n := range l.view.Instances {
		if n.State != cluster.InstanceRunning {
			t.Fatal(n.Identifier, n.State)
		}
	}
	if state := l.view.Self.Modes.State; state != cluster.Operation {
		t.Fatal(state)
	}
	l.moments()
	return l
}

// startLab returns n1 before it has met the others.
func startLab(t *testing.T, rulesXML string, tune func(*cluster.Config), programs ...string) *lab {
	t.Helper()
	set, problems := rules.Parse("rules.xml", []byte("<root>"+rulesXML+"</root>"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	cfg := cluster.Config{Self: "n1", Epoch: "n1#1", Strict: true, Rules: set, Conciliation: rules.ConciliationUser}
	for _, nick := range []string{"n1", "n2", "n3"} {
		cfg.Instances = append(cfg.Instances, cluster.Identity{Identifier: nick, Nick: "the-" + nick})
	}
	cfg.Sync[rules.SyncStrict] = true
	for _, name := range programs {
		cfg.Processes = append(cfg.Processes, stopped(name))
	}
	if tune != nil {
		tune(&cfg)
	}
	l := &lab{t: t, now: time.Unix(labWall, 0), seq: map[string]uint64{}, core: cluster.New(time.Unix(labWall, 0), cfg)}
	l.core.Step(l.now, cluster.LocalTick{Tick: cluster.Tick{Wall: labWall}})
	var err error
	l.Dashboard, err = newDashboard(Config{Options: cfg, Rules: func() *rules.Set { return set }, Log: slog.New(slog.DiscardHandler)}, l.core.View())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// stopped is a process that was never started.
func stopped(namespec string) cluster.ProcessInfo {
	ns := process.ParseNamespec(namespec)
	return cluster.ProcessInfo{Group: ns.Group, Name: ns.Process, Program: ns.Process, Expected: true, StartSecs: 1, StopWaitSecs: 10, Now: labWall,
		HasStdout: true}
}

// step takes an event into account and shows the View after it. Time goes on a little, as it does.
func (l *lab) step(ev cluster.Event) {
	l.t.Helper()
	l.now = l.now.Add(10 * time.Millisecond)
	for _, e := range l.core.Step(l.now, ev) {
		if line, ok := e.(cluster.Log); ok && line.Level == cluster.Critical {
			l.t.Errorf("critical: %s", line.Message)
		}
	}
	l.follow(l.core.View())
}

// wait lets time pass.
func (l *lab) wait(d time.Duration) {
	for end := l.now.Add(d); l.now.Before(end); {
		l.now = l.now.Add(4 * time.Second)
		l.step(cluster.Timer{})
	}
}

func (l *lab) join(nick string, programs ...string) {
	l.t.Helper()
	l.step(cluster.PeerJoined{Identity: cluster.Identity{Identifier: nick, Nick: "the-" + nick}})
	l.seq[nick] = 10
	self := l.core.View().Self
	modes := cluster.Modes{State: cluster.Synchronization, Master: "n1", Term: self.Modes.Term, Instances: map[string]cluster.InstanceState{}}
	for _, n := range l.core.View().Instances {
		modes.Instances[n.Identifier] = cluster.InstanceRunning
	}
	r := cluster.Report{Identity: cluster.Identity{Identifier: nick, Nick: "the-" + nick, Machine: nick}, Epoch: nick + "#1", Seq: 10, Modes: modes,
		Consistent: cluster.Consistent{Starting: "CONFIG", Conciliation: "USER", Failure: "CONTINUE"}}
	for _, name := range programs {
		r.Processes = append(r.Processes, stopped(name))
	}
	l.step(cluster.PeerReport{Report: r})
}

func (l *lab) delta(nick string, d cluster.Delta) {
	l.t.Helper()
	l.seq[nick]++
	l.step(cluster.PeerDelta{Identifier: nick, Epoch: nick + "#1", Seq: l.seq[nick], Delta: d})
}

// peerModes changes the modes of a peer.
func (l *lab) peerModes(nick string, change func(*cluster.Modes)) {
	l.t.Helper()
	m := l.view.Instance(nick).Modes
	change(&m)
	l.delta(nick, cluster.Delta{Modes: &m})
}

// info changes what a node says of a process.
func (l *lab) info(nick, namespec string, change func(*cluster.ProcessInfo)) {
	l.t.Helper()
	info := stopped(namespec)
	if app := l.view.Application(info.Group); app != nil && app.Process(info.Name) != nil && app.Process(info.Name).At(nick) != nil {
		info = *app.Process(info.Name).At(nick)
	}
	info.Now = labWall + l.now.Sub(time.Unix(labWall, 0)).Seconds()
	info.NowMono = info.Now - labWall
	change(&info)
	if nick == "n1" {
		l.step(cluster.LocalProcess{Info: info})
		return
	}
	l.delta(nick, cluster.Delta{Process: &info})
}

// process brings a process of a node into some states, one after the other.
func (l *lab) process(nick, namespec string, states ...process.State) {
	l.t.Helper()
	for _, s := range states {
		l.info(nick, namespec, func(i *cluster.ProcessInfo) {
			switch i.State = s; s {
			case process.Starting:
				i.Start, i.StartMono, i.Expected, i.PID, i.SpawnErr = i.Now, i.NowMono, true, 1000+int(l.seq["pid"]), ""
				l.seq["pid"]++
			case process.Stopped, process.Exited, process.Fatal, process.Backoff:
				i.Stop, i.StopMono, i.PID = i.Now, i.NowMono, 0
			}
		})
	}
}

// fails ends a start, for good or not.
func (l *lab) fails(nick, namespec string, state process.State, spawnErr, how string) {
	l.t.Helper()
	l.now = l.now.Add(240 * time.Millisecond)
	l.info(nick, namespec, func(i *cluster.ProcessInfo) {
		i.State, i.SpawnErr, i.How, i.Expected, i.PID, i.Stop = state, spawnErr, how, false, 0, i.Now
	})
}

// moments returns what was noted since the last time, a line each.
func (l *lab) moments() (lines []string) {
	for _, m := range l.past.moments {
		if m.ID > l.told {
			l.told = m.ID
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s", m.Kind, m.Level, m.Text)))
		}
	}
	return lines
}

// noted compares the moments since the last time.
func (l *lab) noted(want ...string) {
	l.t.Helper()
	if got := l.moments(); !slices.Equal(got, want) {
		l.t.Errorf("noted\n\t%s\nwanted\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// node, application and shown return what pages show.
func (l *lab) node(id string) Node {
	s := l.Snapshot()
	return s.Nodes[slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == id })]
}

func (l *lab) application(name string) Application {
	s := l.Snapshot()
	return s.Applications[slices.IndexFunc(s.Applications, func(a Application) bool { return a.Name == name })]
}

func (l *lab) shown(namespec string) Process {
	ns := process.ParseNamespec(namespec)
	a := l.application(ns.Group)
	return a.Processes[slices.IndexFunc(a.Processes, func(p Process) bool { return p.Process == ns.Process })]
}
