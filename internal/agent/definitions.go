package agent

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// definitionsFile keeps what the applications are and were configured as.
const definitionsFile = "definitions.json"

// keptDefinitions is how many earlier ones of an application are kept.
const keptDefinitions = 20

// groupQueue is how many changes of groups may wait to be looked at. None that is lost matters: all groups are looked at for any.
const groupQueue = 100

// definition is the configuration of a group at one time.
type definition struct {
	ID        string          `json:"record_id"`
	Group     string          `json:"group"`
	Updated   time.Time       `json:"updated"` // the configuration file was
	Archived  bool            `json:"archived"`
	Hash      []byte          `json:"hash"`
	Processes []agent.Process `json:"processes"`
}

// definitions are those of this node, archived ones in the order in which they were.
type definitions struct {
	mu  sync.Mutex // of those who change them
	now atomic.Pointer[[]definition]
}

// savedDefinitions is the file.
type savedDefinitions struct {
	List []definition `json:"definitions"`
}

func (a *Agent) loadDefinitions() error {
	var saved savedDefinitions
	if err := a.cfg.Folder.Load(definitionsFile, &saved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("definitions: %w", err)
	}
	a.definitions.now.Store(&saved.List)
	return nil
}

// forgetDefinitions drops all definitions; those of the present will be found again.
func (a *Agent) forgetDefinitions() error {
	a.definitions.mu.Lock()
	defer a.definitions.mu.Unlock()
	a.definitions.now.Store(new([]definition))
	return a.remove(definitionsFile)
}

// followGroups keeps the definitions up to date until ctx ends.
func (a *Agent) followGroups(ctx context.Context) {
	changes := a.cfg.Bus.Subscribe(groupQueue, event.TypeProcessGroup, event.TypeProcessAdded, event.TypeProcessRemoved)
	defer changes.Close()
	for {
		a.defined()
		select {
		case _, open := <-changes.C:
			if !open {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// defined returns the definitions after it has archived those that are none any more, and added those that are new.
func (a *Agent) defined() []definition {
	d := &a.definitions
	d.mu.Lock()
	defer d.mu.Unlock()
	list, changed := reconcile(*d.now.Load(), a.configured())
	if changed {
		d.now.Store(&list)
		if err := a.cfg.Folder.Save(definitionsFile, savedDefinitions{list}); err != nil {
			a.log.Error("definitions of applications are not kept", "error", err)
		}
	}
	return list
}

// reconcile returns the definitions when the active ones are these.
func reconcile(list, now []definition) (next []definition, changed bool) {
	list = slices.Clone(list)
	same := func(a, b definition) bool { return a.Group == b.Group && slices.Equal(a.Hash, b.Hash) }
	var ended []definition
	next = slices.DeleteFunc(list, func(old definition) bool {
		gone := !old.Archived && !slices.ContainsFunc(now, func(d definition) bool { return same(d, old) })
		if gone {
			old.Archived = true
			ended = append(ended, old)
		}
		return gone
	})
	next, changed = append(next, ended...), len(ended) > 0
	for _, d := range now {
		if slices.ContainsFunc(next, func(old definition) bool { return !old.Archived && same(d, old) }) {
			continue
		}
		changed = true
		if i := last(next, d.Group); i >= 0 && same(next[i], d) { // it was away for a while
			next[i].Archived = false
			continue
		}
		next = append(next, d)
	}
	return trim(next), changed
}

// last returns the place of the newest archived definition of a group, -1 for none.
func last(list []definition, group string) int {
	for i, d := range slices.Backward(list) {
		if d.Group == group && d.Archived {
			return i
		}
	}
	return -1
}

// trim drops the oldest of too many.
func trim(list []definition) []definition {
	archived := map[string]int{}
	for _, d := range list {
		if d.Archived {
			archived[d.Group]++
		}
	}
	return slices.DeleteFunc(list, func(d definition) bool {
		if !d.Archived || archived[d.Group] <= keptDefinitions {
			return false
		}
		archived[d.Group]--
		return true
	})
}

// configured returns the definitions of the active groups, by name.
func (a *Agent) configured() (now []definition) {
	read := map[string]supervisor.Configured{}
	for _, g := range a.sup.Configured() {
		read[g.Name] = g
	}
	for _, active := range a.sup.Groups() {
		// Supervisor keeps the events of a listener pool and the socket of FastCGI programs elsewhere
		g := config.Group{Name: active.Name, Kind: active.Kind, Priority: active.Priority, Listener: read[active.Name].Listener,
			Socket: read[active.Name].Socket}
		d := definition{Group: g.Name, Updated: changeOf(read[g.Name].Pos.File)}
		for _, p := range active.Processes {
			g.Specs = append(g.Specs, p.Spec)
			d.Processes = append(d.Processes, shownProcess(p.Spec))
		}
		d.Hash = fingerprint(g)
		id := sha256.Sum256(slices.Concat([]byte(g.Name+"\x00"+strconv.FormatInt(d.Updated.UnixNano(), 10)+"\x00"), d.Hash))
		d.ID = hex.EncodeToString(id[:16])
		now = append(now, d)
	}
	slices.SortFunc(now, func(a, b definition) int { return cmp.Compare(a.Group, b.Group) })
	return now
}

// changeOf returns when a file was changed, now when that cannot be told.
func changeOf(file string) time.Time {
	if info, err := os.Stat(file); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

func shownProcess(s *process.Spec) agent.Process {
	p := agent.Process{Name: s.Name, Command: s.Command, Environment: map[string]string{}, Directory: s.Directory, User: s.User,
		Autostart: s.Autostart}
	for _, v := range s.Environment {
		p.Environment[v.Name] = v.Value
	}
	return p
}

// fingerprint stands for the effective configuration of a group: neither comments nor the order of options change it.
func fingerprint(g config.Group) []byte {
	g.Specs = config.Canonical(g.Specs)
	hash := sha256.New()
	_ = json.NewEncoder(hash).Encode(g) // neither values nor a hash can fail
	return hash.Sum(nil)
}

// Definition returns the record_id of the present configuration of a group, for those who keep records of its runs; "" when it is not
// known. It does not wait.
func (a *Agent) Definition(group string) string { return current(*a.definitions.now.Load(), group) }

func current(list []definition, group string) string {
	for _, d := range list {
		if d.Group == group && !d.Archived {
			return d.ID
		}
	}
	return ""
}

// Services implements agent.Agent.
func (a *Agent) Services(context.Context) (agent.Services, error) {
	if err := a.unregistered(); err != nil {
		return agent.Services{}, err
	}
	list := a.defined()
	var s agent.Services
	for _, d := range list {
		shown := agent.Definition{RecordID: d.ID, Application: a.Application(d.Group), Label: d.Group, Description: "application " + d.Group,
			Processes: d.Processes, Updated: agent.At(d.Updated), Archived: d.Archived, Hash: d.Hash}
		if !d.Archived {
			shown.Requires = a.required(d.Group)
			if a.cfg.Signature != nil {
				shown.Signature = a.cfg.Signature(d.Group)
			}
		}
		s.Definitions = append(s.Definitions, shown)
	}
	s.Instances = slices.Clone(a.cfg.Ledger.Instances())
	for i := range s.Instances {
		run := &s.Instances[i]
		if run.Archived {
			continue
		}
		run.Definition = cmp.Or(run.Definition, current(list, run.Application.Name))
		if g, err := a.sup.Group(run.Application.Name); err == nil {
			run.StaleEnv = a.stale(g)
		}
	}
	return s, nil
}
