package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// settingsFile keeps the settings.
const settingsFile = "settings.json"

// settings are those of this node.
type settings struct {
	edit turn
	now  atomic.Pointer[agent.Settings]

	mu      sync.Mutex
	changed map[string]time.Time // when the environment of a group has become another one
}

// loadSettings reads the settings; a node that has none begins with its architecture.
func (a *Agent) loadSettings() error {
	var s agent.Settings
	if err := a.cfg.Folder.Load(settingsFile, &s); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("settings: %w", err)
	}
	if !slices.ContainsFunc(s.Attributes, func(a agent.Attribute) bool { return a.Type == agent.Architecture }) {
		s.Attributes = slices.Insert(s.Attributes, 0, agent.ArchitectureAttribute(architectureID(a.nick()), runtime.GOARCH))
	}
	a.settings.now.Store(&s)
	return nil
}

// forgetSettings makes the settings those of the first start.
func (a *Agent) forgetSettings(ctx context.Context) error {
	give, err := a.settings.edit.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	return errors.Join(a.remove(settingsFile), a.loadSettings())
}

// architectureID returns the same UUID (version 8 of RFC 9562) at each start of a node.
func architectureID(nick string) string {
	b := sha256.Sum256([]byte("architecture\x00" + nick))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Settings implements agent.Agent.
func (a *Agent) Settings() agent.Settings { return *a.settings.now.Load() }

// Edit implements agent.Agent. What the change means for processes is done in the background.
func (a *Agent) Edit(ctx context.Context, change func(*agent.Settings) error) error {
	give, err := a.settings.edit.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	if err := a.unregistered(); err != nil {
		return err
	}
	before := a.Settings()
	after := before.Clone()
	if err := change(&after); err != nil {
		return err
	}
	if err := a.cfg.Folder.Save(settingsFile, after); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	a.settings.now.Store(&after)
	groups := a.touch(before, after)
	if a.options.RestartOnInput && len(groups) > 0 {
		a.inBackground(func(ctx context.Context) { a.renew(ctx, groups) })
	}
	return nil
}

// touch remembers which groups get another environment than before, and returns them.
func (a *Agent) touch(before, after agent.Settings) (groups []string) {
	a.settings.mu.Lock()
	defer a.settings.mu.Unlock()
	if a.settings.changed == nil {
		a.settings.changed = map[string]time.Time{}
	}
	for _, name := range groupNames(a.sup.Groups()) {
		app, inject := a.application(name), a.options.injects(name)
		old, now := agent.Environment(before.Attributes, app, inject), agent.Environment(after.Attributes, app, inject)
		if !maps.Equal(old, now) {
			a.settings.changed[name] = time.Now() // after the new one is stored: who is started later has it
			groups = append(groups, name)
		}
	}
	return groups
}

// stale reports whether a process of the group runs that was started with another environment.
func (a *Agent) stale(g supervisor.Group) bool {
	a.settings.mu.Lock()
	changed := a.settings.changed[g.Name]
	a.settings.mu.Unlock()
	return slices.ContainsFunc(g.Processes, func(p supervisor.Process) bool { return p.Info.PID != 0 && p.Info.Start.Before(changed) })
}

// renew restarts the processes that run in groups, so that they get the environment that is theirs now.
func (a *Agent) renew(ctx context.Context, groups []string) {
	give, err := a.acting.take(ctx)
	if err != nil { // the daemon ends
		return
	}
	defer give()
	for _, name := range groups {
		if g, err := a.sup.Group(name); err != nil || !a.stale(g) { // another change was faster
			continue
		}
		ran, err := a.stopRunning(ctx, name, reasonInput, "user input changed")
		if err != nil {
			a.log.Error("an application keeps its old environment", "application", name, "error", err)
			continue
		}
		if a.member().state == agent.Unconfiguring { // it has to stay stopped
			return
		}
		a.start(ctx, ran)
	}
}
