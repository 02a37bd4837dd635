package device

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/device"
)

func TestFollowLocks(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	ctx, stop := context.WithCancel(t.Context())
	told := make(chan []string, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.FollowLocks(ctx, func(held []string) { told <- held })
	}()
	next := func(what string, held ...string) {
		t.Helper()
		supervisortest.Until(t, what, func() bool {
			select {
			case got := <-told:
				return slices.Equal(got, held)
			default:
				return false
			}
		})
	}
	next("nothing is locked")
	w.lock("web")
	next("web", "web")
	w.lock("grp")
	next("both", "grp", "web")
	w.sup.Configure(programs + "[program:new]\ncommand=PLAY idle\n")
	w.Update(false, false)
	w.sup.Wait("new", process.Running)
	w.lock("new")
	next("a new application too", "grp", "new", "web")
	w.unlock("web")
	w.unlock("grp")
	w.unlock("new")
	next("nothing again")
	if err := w.RestartApp(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	for len(told) > 0 {
		if held := <-told; len(held) > 0 {
			t.Errorf("a lock of the daemon was told: %q", held)
		}
	}
}

// TestRestartOfTheDaemon keeps identity and keys, and removes what it left behind.
func TestRestartOfTheDaemon(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	given, err := w.RegenerateKey(t.Context(), device.Scope{App: "web"})
	if err != nil {
		t.Fatal(err)
	}
	web, err := w.sup.Group("web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.locks.Acquire(false, lockOf(web)); err != nil { // and it dies
		t.Fatal(err)
	}
	c := w.cfg
	if c.Folder, err = journal.OpenFolder(w.folder.Path("")); err != nil {
		t.Fatal(err)
	}
	if c.Keys, err = key.Open(c.Folder, w.sup.Dir); err != nil {
		t.Fatal(err)
	}
	again, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	want(t, "uuid", again.uuid, w.uuid)
	want(t, "global key", again.GlobalKey(), w.GlobalKey())
	if scope, ok := again.Scope(given); !ok || scope.App != "web" {
		t.Error("the key was forgotten")
	}
	if err := again.RestartApp(t.Context(), "web", false); err != nil {
		t.Errorf("the lock of the former life is held: %v", err)
	}
	if strings.Contains(w.sup.States(), "web STOPPED") {
		t.Error("web does not run")
	}
}
