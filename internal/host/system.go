// Package host is the machine that the daemon runs on: what is done to it, and what it tells of itself. It knows neither applications nor
// locks.
package host

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/supvisors/supvisors/internal/child"
)

// System is what is done to a host.
type System interface {
	Hostname() (string, error)
	// CanEnd returns why this host cannot be rebooted or shut down from here, nil when it can.
	CanEnd() error
	// Run runs a command without a shell, for at most 30 s.
	Run(ctx context.Context, argv []string) error
	// Replace makes data the content of a file that only its owner reads; nil removes it.
	Replace(path string, data []byte) error
	// Light writes to the brightness file of a LED and returns what it said before.
	Light(path, value string) (before string, err error)
	// Empty removes what is in a directory, until ctx ends.
	Empty(ctx context.Context, dir string) error
}

// machine is the System of this machine.
type machine struct {
	spawner child.Spawner
	log     *slog.Logger
}

// New returns this host. The spawner runs its commands: that of the daemon, since nobody else may wait for children. nil runs none.
// What they write goes to log.
func New(spawner child.Spawner, log *slog.Logger) System { return machine{spawner, log} }

// Hostname implements System.
func (machine) Hostname() (string, error) { return os.Hostname() }

// CanEnd implements System. The host of a container is not ours.
func (machine) CanEnd() error {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if _, err := os.Stat(mark); err == nil {
			return errors.New("this node lives in a container")
		}
	}
	return nil
}

// Run implements System.
func (m machine) Run(ctx context.Context, argv []string) error {
	return runCommand(ctx, m.spawner, argv, m.log)
}

// Replace implements System.
func (machine) Replace(path string, data []byte) error {
	if data == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return replaceFile(path, data, 0o600)
}

// replaceFile writes a file in one go: readers see the old or the new content.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, path)
}

// Light implements System.
func (machine) Light(path, value string) (string, error) {
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(value), 0)
	}
	return strings.TrimSpace(string(before)), err
}

// Empty implements System.
func (machine) Empty(ctx context.Context, dir string) error { return empty(ctx, dir) }

// dryRun is a System that changes nothing.
type dryRun struct {
	System
	tell func(what string)
}

// DryRun returns a System to which nothing is done: tell is told what would be.
func DryRun(s System, tell func(what string)) System { return dryRun{s, tell} }

// CanEnd implements System.
func (dryRun) CanEnd() error { return nil }

// Run implements System.
func (s dryRun) Run(_ context.Context, argv []string) error {
	s.tell("run " + strings.Join(argv, " "))
	return nil
}

// Replace implements System.
func (s dryRun) Replace(path string, data []byte) error {
	if data == nil {
		s.tell("remove " + path)
	} else {
		s.tell("write " + path)
	}
	return nil
}

// Light implements System.
func (s dryRun) Light(path, value string) (string, error) {
	s.tell("light " + path)
	return "0", nil
}

// Empty implements System.
func (s dryRun) Empty(_ context.Context, dir string) error {
	s.tell("empty " + dir)
	return nil
}
