package device

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/device"
)

// Purge implements device.Device. What ran of the application runs again afterwards, also when the directory could not be emptied.
func (d *Device) Purge(ctx context.Context, app string, force bool) error {
	if err := d.allowed("purge"); err != nil {
		return err
	}
	g, err := d.group(app)
	if err != nil {
		return err
	}
	dir := d.options.DataDirs[g.Name]
	if dir == "" {
		return &device.NotPossible{Text: "no data directory declared for " + g.Name}
	}
	if err := d.checkDataDir(dir); err != nil {
		return err
	}
	_, err = detached(ctx, d, func(ctx context.Context) (struct{}, error) {
		release, err := d.hold(ctx, force, g)
		if err != nil {
			return struct{}{}, err
		}
		defer release()
		before := only(g.Processes, running)
		err = d.stopAll(ctx, g.Processes)
		if err == nil {
			err = d.checkDataDir(dir) // the application may have changed it until now
		}
		if err == nil {
			err = d.system.Empty(ctx, dir)
			d.tell(Note{Code: Purged, App: g.Name, Err: err, Text: "purge of the data directory " + dir + " of " + g.Name})
		}
		return struct{}{}, errors.Join(err, d.again(ctx, before))
	})
	return err
}

// checkDataDir returns why a directory may not be emptied.
func (d *Device) checkDataDir(dir string) error {
	err := host.MayEmpty(dir, d.options.DataRoot, d.protected())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &device.NotFound{Text: "there is no data directory " + dir}
	case err != nil:
		return &device.NotPossible{Text: fmt.Sprintf("the data directory %s may not be emptied: %v", dir, err)}
	}
	return nil
}

// protected returns the paths that no purge may remove: what the daemon and its programs cannot do without.
func (d *Device) protected() []string {
	started := d.cfg.Started
	paths := append([]string{started.Path, started.Here, started.Supervisord.Logfile, started.Supervisord.ChildLogDir, started.Supervisord.Pidfile,
		started.Supervisord.Directory, d.locks.Dir(), d.options.ProxyFile}, d.cfg.Protected...)
	paths = append(paths, started.Included...)
	if s := started.Supvisors; s != nil {
		paths = append(append(paths, s.RulesFiles...), s.DisabilitiesFile)
	}
	for _, u := range started.Unix {
		paths = append(paths, u.File)
	}
	if self, err := os.Executable(); err == nil {
		paths = append(paths, self)
	}
	for _, groups := range [][]config.Group{started.Groups, d.active()} {
		for _, g := range groups {
			for _, s := range g.Specs {
				paths = append(paths, program(s), s.Stdout.File, s.Stderr.File)
				paths = append(paths, scripts(s)...)
			}
		}
	}
	return paths
}

// scripts returns the arguments of a program that are files, such as what an interpreter runs.
func scripts(s *process.Spec) (paths []string) {
	words, err := process.SplitCommand(s.Command)
	if err != nil {
		return nil
	}
	for _, word := range words {
		if !filepath.IsAbs(word) {
			word = filepath.Join(s.Directory, word)
		}
		if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			paths = append(paths, word)
		}
	}
	return paths
}
