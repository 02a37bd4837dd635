package device

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

// commit returns 40 hex digits that stand for the effective configuration of the groups: neither comments nor the order of sections and
// options change them.
func commit(groups []config.Group) string {
	groups = slices.Clone(groups)
	slices.SortFunc(groups, func(a, b config.Group) int { return cmp.Compare(a.Name, b.Name) })
	hash := sha256.New()
	out := json.NewEncoder(hash)
	for _, g := range groups {
		specs := config.Canonical(g.Specs)
		g.Specs = nil
		g.Pos.File, g.Pos.Line = "", 0
		// neither values nor a hash can fail
		_ = out.Encode(g)
		_ = out.Encode(specs)
	}
	return hex.EncodeToString(hash.Sum(nil)[:20])
}

// active returns the groups that are active, as the configuration would have them. What Supervisor keeps beside the processes of a group,
// the events of a listener pool and the socket of FastCGI programs, is that of the configuration that was read last.
func (d *Device) active() []config.Group {
	read := map[string]config.Group{}
	for _, g := range d.sup.Configured() {
		read[g.Name] = g.Group
	}
	var all []config.Group
	for _, now := range d.sup.Groups() {
		g := config.Group{Name: now.Name, Kind: now.Kind, Priority: now.Priority, Listener: read[now.Name].Listener, Socket: read[now.Name].Socket}
		for _, p := range now.Processes {
			g.Specs = append(g.Specs, p.Spec)
		}
		all = append(all, g)
	}
	return all
}

// differ returns how the groups of a configuration differ from the active ones, whatever the order of their processes is.
func (d *Device) differ(cfg *config.Config) config.Changes {
	return config.Diff(&config.Config{Groups: sorted(d.active())}, &config.Config{Groups: sorted(cfg.Groups)})
}

// sorted returns the groups with their processes by name.
func sorted(groups []config.Group) []config.Group {
	groups = slices.Clone(groups)
	for i := range groups {
		groups[i].Specs = slices.Clone(groups[i].Specs)
		slices.SortFunc(groups[i].Specs, func(a, b *process.Spec) int { return cmp.Compare(a.Name, b.Name) })
	}
	return groups
}
