package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
)

// Changes are the names of the groups that differ between two configurations.
type Changes struct {
	Added, Changed []string // in the order of the new configuration
	Removed        []string // in the order of the old one
}

// Diff compares the groups of two configurations as Supervisor's reread does. An automatic log file in the new configuration
// equals whatever was there before, and sockets of FastCGI groups are compared by their address only.
func Diff(old, new *Config) Changes {
	var c Changes
	for _, g := range new.Groups {
		before, known := old.Group(g.Name)
		switch {
		case !known:
			c.Added = append(c.Added, g.Name)
		case !sameGroup(before, g):
			c.Changed = append(c.Changed, g.Name)
		}
	}
	for _, g := range old.Groups {
		if _, kept := new.Group(g.Name); !kept {
			c.Removed = append(c.Removed, g.Name)
		}
	}
	return c
}

func sameGroup(old, new Group) bool {
	return old.Kind == new.Kind && old.Priority == new.Priority &&
		slices.EqualFunc(old.Specs, new.Specs, sameSpec) &&
		sameListener(old.Listener, new.Listener) && sameSocket(old.Socket, new.Socket)
}

func sameListener(old, new *Listener) bool {
	if old == nil || new == nil {
		return old == new
	}
	return slices.Equal(old.Events, new.Events) && old.BufferSize == new.BufferSize && old.ResultHandler == new.ResultHandler
}

func sameSocket(old, new *Socket) bool {
	if old == nil || new == nil {
		return old == new
	}
	return old.URL == new.URL
}

// sameSpec compares what Supervisor compares: two programs of the same name with other sections are the same.
func sameSpec(old, new *process.Spec) bool {
	return old.Name == new.Name && old.Command == new.Command && old.Directory == new.Directory &&
		old.UID == new.UID && old.Umask == new.Umask && old.Priority == new.Priority &&
		old.Autostart == new.Autostart && old.Autorestart == new.Autorestart &&
		old.StartSecs == new.StartSecs && old.StartRetries == new.StartRetries &&
		slices.Equal(old.ExitCodes, new.ExitCodes) &&
		old.StopSignal == new.StopSignal && old.StopWaitSecs == new.StopWaitSecs &&
		old.StopAsGroup == new.StopAsGroup && old.KillAsGroup == new.KillAsGroup &&
		old.RedirectStderr == new.RedirectStderr &&
		sameLog(old.Stdout, new.Stdout) && sameLog(old.Stderr, new.Stderr) &&
		maps.Equal(environment(old), environment(new)) && sameServerURL(old, new)
}

func sameLog(old, new process.LogSpec) bool {
	if new.File == autoLog {
		old.File = autoLog
	}
	return old == new
}

func sameServerURL(old, new *process.Spec) bool {
	if old.AutoServerURL || new.AutoServerURL {
		return old.AutoServerURL == new.AutoServerURL
	}
	return old.ServerURL == new.ServerURL
}

// Canonical returns copies of specs by name, with their environments by name: the order in which options are written does not show.
func Canonical(specs []*process.Spec) []*process.Spec {
	all := make([]*process.Spec, len(specs))
	for i, s := range specs {
		c := *s
		c.Environment = slices.Clone(s.Environment)
		slices.SortFunc(c.Environment, func(a, b process.EnvVar) int { return strings.Compare(a.Name, b.Name) })
		all[i] = &c
	}
	slices.SortFunc(all, func(a, b *process.Spec) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func environment(s *process.Spec) map[string]string {
	vars := make(map[string]string, len(s.Environment))
	for _, e := range s.Environment {
		vars[e.Name] = e.Value
	}
	return vars
}
