package device

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

// State implements device.Device.
func (d *Device) State(context.Context) (device.State, error) {
	addresses, hardware := host.Addresses()
	update := d.update.status()
	pending, parses := d.files.look(d)
	s := device.State{
		APIPort: d.cfg.APIPort, IPAddresses: addresses, MACAddresses: hardware, Commit: commit(d.active()), Status: "Idle",
		OSVersion: host.OSVersion(), Version: d.cfg.Version,
		UpdatePending: pending || update.waits, UpdateFailed: update.failed,
		UUID: d.uuid, DeviceID: d.id, Name: d.options.Name, Identifier: d.identifier(),
	}
	s.UpdateDownloaded = s.UpdatePending && parses
	if s.Name == "" {
		s.Name, _ = d.system.Hostname() // the name stays empty on a host without one
	}
	if d.cluster != nil {
		s.FSMState = d.cluster.View().Self.Modes.State.String()
	}
	if update.running {
		s.Status = "Installing"
	}
	for _, g := range d.sup.Groups() {
		app := device.AppState{ID: d.numbers.of(g.Name), Name: g.Name, Status: status(g.Processes)}
		s.Apps = append(s.Apps, app)
	}
	if all := d.processes(); anyIn(all, process.Stopping) {
		s.Status = "Stopping"
	} else if anyIn(all, process.Starting) {
		s.Status = "Starting"
	}
	return s, nil
}

func anyIn(list []supervisor.Process, state process.State) bool {
	return slices.ContainsFunc(list, func(p supervisor.Process) bool { return p.Info.State == state })
}

// status returns the state of an application here, by the rules and in the words of Supvisors.
func status(list []supervisor.Process) string {
	word := "STOPPED"
	for _, p := range list {
		switch p.Info.State {
		case process.Stopping:
			return "STOPPING"
		case process.Starting, process.Backoff:
			word = "STARTING"
		case process.Running:
			if word == "STOPPED" {
				word = "RUNNING"
			}
		}
	}
	return word
}

// App implements device.Device.
func (d *Device) App(_ context.Context, app string, secrets bool) (device.App, error) {
	g, err := d.group(app)
	if err != nil {
		return device.App{}, err
	}
	a := device.App{AppState: device.AppState{ID: d.numbers.of(g.Name), Name: g.Name, Status: status(g.Processes)}}
	groups := slices.DeleteFunc(d.active(), func(other config.Group) bool { return other.Name != g.Name })
	a.Commit = commit(groups)
	for _, p := range g.Processes {
		a.Services = append(a.Services, device.Service{Name: p.Spec.Name, Status: p.Info.State.String(), ContainerID: d.ContainerID(p.Info),
			ImageID: program(p.Spec), PID: p.Info.PID, Env: d.shownEnvironment(p.Spec, secrets)})
	}
	return a, nil
}

// program returns the absolute path of the program of a process, or its first word when there is none of that name.
func program(s *process.Spec) string {
	words, err := process.SplitCommand(s.Command)
	if err != nil || len(words) == 0 {
		return s.Command
	}
	if strings.Contains(words[0], "/") {
		if filepath.IsAbs(words[0]) || s.Directory == "" {
			return words[0]
		}
		return filepath.Join(s.Directory, words[0])
	}
	path := host.SearchPath()
	for _, v := range s.Environment {
		if v.Name == "PATH" {
			path = v.Value
		}
	}
	for dir := range strings.SplitSeq(path, ":") {
		file := filepath.Join(dir, words[0])
		if info, err := os.Stat(file); err == nil && !info.IsDir() && unix.Access(file, unix.X_OK) == nil {
			return file
		}
	}
	return words[0]
}
