package device

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// realHost is the host of the tests, with commands that end nothing.
func realHost(t *testing.T) (host, *logText) {
	t.Helper()
	spawner, err := system()
	if err != nil {
		t.Fatal(err)
	}
	log := &logText{}
	return host{spawner, slog.New(slog.NewTextHandler(log, nil))}, log
}

func TestCommands(t *testing.T) {
	h, log := realHost(t)
	if err := h.Run(t.Context(), []string{"/bin/sh", "-c", `echo out "$0"; echo err >&2`, "a b"}); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"/bin/sh: out a b\"", "/bin/sh: err\""} {
		if !log.has(line) {
			t.Errorf("the log has no %s:\n%s", line, log.buf.String())
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
	if err := (host{}).Run(t.Context(), []string{"true"}); err == nil {
		t.Error("run without a spawner")
	}
}

func TestCommandThatTalksWithoutEnd(t *testing.T) {
	h, log := realHost(t)
	if err := h.Run(t.Context(), []string{"sh", "-c", "yes | head -c 3000000"}); err != nil {
		t.Error(err)
	}
	if n := log.buf.Len(); n > 100*maxOutput {
		t.Errorf("%d bytes of log", n)
	}
}

// TestCommandThatDoesNotEnd is killed with what it has started.
func TestCommandThatDoesNotEnd(t *testing.T) {
	h, _ := realHost(t)
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

// TestCommandBesideChildren runs commands in a daemon with children, whose exits somebody else collects.
func TestCommandBesideChildren(t *testing.T) {
	spawner, err := system()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, programs, func(c *Config) {
		c.Options.Allow = []string{"host-config"}
		c.System, c.Spawner = nil, spawner
		c.Options.HostnameCommand = []string{"/bin/sh", "-c", `echo "$0" > ` + filepath.Join(filepath.Dir(c.Options.LockDir), "name"), "{hostname}"}
		c.Options.ProxyFile = filepath.Join(filepath.Dir(c.Options.LockDir), "redsocks.conf")
	})
	w.wait("web", process.Running)
	for range 5 {
		if err := w.SetHostConfig(t.Context(), hostname("new-name"), false); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(w.path("name")); err != nil || string(data) != "new-name\n" {
		t.Errorf("called %q, %v", data, err)
	}
	if err := w.SetHostConfig(t.Context(), proxy(nil), false); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(w.path("redsocks.conf"))
	if err != nil || info.Mode() != 0o600 || !there(w.path("no_proxy")) {
		t.Errorf("proxy file: %v, %v", info, err)
	}
}

func TestFilesOfTheHost(t *testing.T) {
	h, _ := realHost(t)
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
	wantList(t, "left over", names(t, dir), nil)
	if name, err := h.Hostname(); err != nil || name == "" {
		t.Errorf("host name %q, %v", name, err)
	}
}
