package device

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/supvisors/supvisors/internal/child"
)

// System is what the device does to its host; nothing else here does anything to it.
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

// host is the System of this machine.
type host struct {
	spawner child.Spawner // nil runs no commands
	log     *slog.Logger
}

// Hostname implements System.
func (host) Hostname() (string, error) { return os.Hostname() }

// CanEnd implements System. The host of a container is not ours.
func (host) CanEnd() error {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv", "/run/systemd/container"} {
		if _, err := os.Stat(mark); err == nil {
			return errors.New("this node lives in a container")
		}
	}
	return nil
}

// Run implements System.
func (h host) Run(ctx context.Context, argv []string) error {
	return runCommand(ctx, h.spawner, argv, h.log)
}

// Replace implements System.
func (host) Replace(path string, data []byte) error {
	if data == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return replaceFile(path, data, 0o600)
}

// Light implements System.
func (host) Light(path, value string) (string, error) {
	before, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(value), 0)
	}
	return strings.TrimSpace(string(before)), err
}

// Empty implements System.
func (host) Empty(ctx context.Context, dir string) error { return empty(ctx, dir) }

// dryRun is a System that changes nothing: it logs what would be done.
type dryRun struct {
	System
	tell func(Note)
}

func (s dryRun) would(what string) error {
	s.tell(Note{Code: DryRun, Text: "dry run: " + what})
	return nil
}

// CanEnd implements System.
func (s dryRun) CanEnd() error { return nil }

// Run implements System.
func (s dryRun) Run(_ context.Context, argv []string) error {
	return s.would("run " + strings.Join(argv, " "))
}

// Replace implements System.
func (s dryRun) Replace(path string, data []byte) error {
	if data == nil {
		return s.would("remove " + path)
	}
	return s.would("write " + path)
}

// Light implements System.
func (s dryRun) Light(path, value string) (string, error) { return "0", s.would("light " + path) }

// Empty implements System.
func (s dryRun) Empty(_ context.Context, dir string) error { return s.would("empty " + dir) }
