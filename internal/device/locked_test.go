package device

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"
)

// The cluster is told which applications hold their lock, at first and after each change, also of an application that comes later.
func TestFollowLocks(t *testing.T) {
	w := newWorld(t, "[program:web]\ncommand=PLAY idle\nautostart=false\n[program:api]\ncommand=PLAY idle\nautostart=false\n", nil)
	ctx, stop := context.WithCancel(t.Context())
	told, ended := make(chan []string, 100), make(chan struct{})
	go func() {
		defer close(ended)
		w.FollowLocks(ctx, func(apps []string) { told <- apps })
	}()
	want := func(apps ...string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case got := <-told:
				if slices.Equal(got, apps) {
					return
				}
			case <-deadline:
				t.Fatalf("%q is not told", apps)
			}
		}
	}
	want()
	for _, app := range []string{"web", "api"} {
		if err := os.WriteFile(w.locks.Path(app), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want("api", "web")
	if err := os.Remove(w.locks.Path("api")); err != nil {
		t.Fatal(err)
	}
	want("web")
	group, err := w.sup.Group("api")
	if err != nil {
		t.Fatal(err)
	}
	hold, err := w.locks.Acquire(false, lockOf(group))
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Release(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.locks.Path("web")); err != nil {
		t.Fatal(err)
	}
	want()
	stop()
	<-ended
	for len(told) > 0 {
		if got := <-told; slices.Contains(got, "api") {
			t.Errorf("the daemon's own lock is told: %q", got)
		}
	}
}
