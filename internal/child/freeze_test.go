package child

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// TestUpgradeInPlace runs a little daemon (upgrade, below) that becomes another image while its children live.
func TestUpgradeInPlace(t *testing.T) {
	b := newBench(t, nil, "upgrade", t.TempDir())
	b.start()
	info := b.await(process.Exited)
	want := "cat: same pid true, log \"one\\ntwo\\n\", then STOPPING STOPPED\nidle: EXITED\n"
	if got := b.read("out"); got != want || info.ExitStatus != 0 {
		t.Errorf("exit status %d\n got %q\nwant %q\nstderr %s", info.ExitStatus, got, want, b.read("err"))
	}
}

// image is one image of a daemon with two children, cat and idle.
type image struct {
	dir       string
	system    *System
	ended     chan error
	saved     []Saved // what the first image leaves to the second
	cat, idle *Actor
}

// upgrade is the daemon. Its first image starts the children, kills idle amid the change and becomes the second.
func upgrade(role, dir string) {
	d := &image{dir: dir, ended: make(chan error, 1), saved: make([]Saved, 2)}
	var err error
	d.system, err = NewSystem(slog.New(slog.DiscardHandler))
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if role == "upgrade" {
		d.cat, d.idle = d.actor("cat", nil), d.actor("idle", nil)
		go func() { d.ended <- d.system.Run() }()
		d.first(ctx)
	}
	text, err := os.ReadFile(filepath.Join(dir, "saved"))
	check(err)
	check(json.Unmarshal(text, &d.saved))
	d.cat, d.idle = d.actor("cat", &d.saved[0]), d.actor("idle", &d.saved[1])
	go func() { d.ended <- d.system.Run() }()
	d.second(ctx)
}

func (d *image) actor(name string, saved *Saved) *Actor {
	spec := testSpec(d.dir, name)
	spec.Name, spec.Stdout.File, spec.Stderr.File = name, filepath.Join(d.dir, name), ""
	a, err := New(Config{Spec: spec, Spawner: d.system, Logger: slog.New(slog.DiscardHandler), Saved: saved})
	check(err)
	a.Begin()
	return a
}

// first never returns: the exec is its end.
func (d *image) first(ctx context.Context) {
	check(d.cat.Start(ctx))
	check(d.idle.Start(ctx))
	check(d.cat.WriteStdin(ctx, []byte("one\n")))
	d.awaitLog("one\n")
	check(d.system.Close())
	check(<-d.ended)
	check(syscall.Kill(d.idle.Info().PID, syscall.SIGKILL))
	for i, a := range []*Actor{d.cat, d.idle} {
		var err error
		d.saved[i], err = a.Freeze(ctx)
		check(err)
	}
	text, err := json.Marshal(d.saved)
	check(err)
	check(os.WriteFile(filepath.Join(d.dir, "saved"), text, 0o600))
	check(KeepOpen(d.saved))
	self, err := os.Executable()
	check(err)
	check(syscall.Exec(self, []string{self, "play", "upgraded", d.dir}, os.Environ()))
}

// second tells on stdout what it finds.
func (d *image) second(ctx context.Context) {
	pid := d.cat.Info().PID
	check(d.cat.WriteStdin(ctx, []byte("two\n")))
	d.awaitLog("one\ntwo\n")
	steps := d.cat.Watch()
	check(d.cat.Stop(ctx))
	stopping, err := steps.Next(ctx)
	check(err)
	stopped, err := steps.Next(ctx)
	check(err)
	text, err := os.ReadFile(filepath.Join(d.dir, "cat"))
	check(err)
	fmt.Printf("cat: same pid %v, log %q, then %s %s\n", pid == d.saved[0].Child.PID, text, stopping.State, stopped.State)
	info, err := d.idle.Wait(ctx, func(i process.Info) bool { return i.State == process.Exited })
	check(err)
	fmt.Printf("idle: %s\n", info.State)
}

func (d *image) awaitLog(want string) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-time.After(time.Millisecond) {
		if text, _ := os.ReadFile(filepath.Join(d.dir, "cat")); bytes.Equal(text, []byte(want)) {
			return
		}
	}
	check(fmt.Errorf("log is never %q", want))
}

// check ends a child that is a daemon itself.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
