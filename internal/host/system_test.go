package host

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// newHost returns the host of the tests, and the log of its commands.
func newHost(t *testing.T) (System, *supervisortest.Text) {
	t.Helper()
	log := &supervisortest.Text{}
	return New(supervisortest.Children(t), slog.New(slog.NewTextHandler(log, nil))), log
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestCommands(t *testing.T) {
	h, log := newHost(t)
	if err := h.Run(t.Context(), []string{"/bin/sh", "-c", `echo out "$0"; echo err >&2`, "a b"}); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"/bin/sh: out a b\"", "/bin/sh: err\""} {
		if log.Count(line) == 0 {
			t.Errorf("the log has no %s:\n%s", line, log)
		}
	}
	for text, argv := range map[string][]string{
		"exit status 3": {"sh", "-c", "exit 3"}, "SIGTERM": {"sh", "-c", "kill $$"}, "can't find": {"no-such-program"},
		"is a directory": {"/bin"},
	} {
		if err := h.Run(t.Context(), argv); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", argv, err)
		}
	}
	if err := New(nil, nil).Run(t.Context(), []string{"true"}); err == nil {
		t.Error("run without a spawner")
	}
}

func TestCommandThatTalksWithoutEnd(t *testing.T) {
	h, log := newHost(t)
	if err := h.Run(t.Context(), []string{"sh", "-c", "yes | head -c 3000000"}); err != nil {
		t.Error(err)
	}
	if n := len(log.String()); n > 100*maxOutput {
		t.Errorf("%d bytes of log", n)
	}
}

// TestCommandThatDoesNotEnd is killed with what it has started.
func TestCommandThatDoesNotEnd(t *testing.T) {
	h, _ := newHost(t)
	file := filepath.Join(t.TempDir(), "up")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for !there(file) && ctx.Err() == nil {
			<-time.After(time.Millisecond)
		}
		cancel()
	}()
	defer cancel()
	begin := time.Now()
	err := h.Run(ctx, []string{"sh", "-c", "trap '' TERM; sleep 100 & echo > " + file + "; wait"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if time.Since(begin) > 20*time.Second {
		t.Error("it was waited for")
	}
}

func TestFilesOfTheHost(t *testing.T) {
	h, _ := newHost(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "two"} {
		if err := h.Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || string(data) != text || info.Mode() != 0o600 {
			t.Errorf("%q, %v, %v", data, info.Mode(), err)
		}
	}
	if before, err := h.Light(path, "1"); err != nil || before != "two" {
		t.Errorf("light: %q, %v", before, err)
	}
	for range 2 { // removing what is not there is done
		if err := h.Replace(path, nil); err != nil || there(path) {
			t.Error(err)
		}
	}
	if _, err := h.Light(path, "1"); err == nil || there(path) {
		t.Error("a LED was made")
	}
	if err := h.Replace(filepath.Join(dir, "none", "file"), []byte("x")); err == nil {
		t.Error("written into a directory that is not there")
	}
	wantNames(t, dir)
	if name, err := h.Hostname(); err != nil || name == "" {
		t.Errorf("host name %q, %v", name, err)
	}
}
