package listener

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// names returns what is in a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestUnixSocketIsComplete(t *testing.T) {
	for _, mode := range []fs.FileMode{0o700, 0o777, 0o600, 0} {
		dir := t.TempDir()
		u := Unix{Path: filepath.Join(dir, "s"), Mode: mode, UID: os.Getuid(), GID: -1}
		ln, err := u.Listen(t.Context(), discard())
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(u.Path)
		if err != nil || info.Mode() != fs.ModeSocket|mode {
			t.Errorf("mode %v, expected %v; %v", info.Mode(), mode, err)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("files left: %q", got)
		}
		if ln.Addr().String() != u.Path {
			t.Errorf("address %s", ln.Addr())
		}
		answered := make(chan error, 1)
		go func() {
			c, err := ln.Accept()
			if err == nil {
				_, err = c.Write([]byte("x"))
				c.Close()
			}
			answered <- err
		}()
		c, err := net.Dial("unix", u.Path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 2)); n != 1 {
			t.Error(n, err)
		}
		c.Close()
		if err := <-answered; err != nil {
			t.Error(err)
		}
		ln.Close()
		if got := names(t, dir); len(got) != 0 {
			t.Errorf("files left after close: %q", got)
		}
	}
}

func TestUnixSocketInUse(t *testing.T) {
	u := Unix{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o700, UID: -1, GID: -1}
	ln, err := u.Listen(t.Context(), discard())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = u.Listen(t.Context(), discard())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "Another program is already listening") ||
		!strings.Contains(err.Error(), u.Path) {
		t.Errorf("error %v", err)
	}
	if c, err := net.Dial("unix", u.Path); err != nil {
		t.Errorf("the first listener is gone: %v", err)
	} else {
		c.Close()
	}
}

func TestStaleUnixSocketIsReplaced(t *testing.T) {
	u := Unix{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o700, UID: -1, GID: -1}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: u.Path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	var logged bytes.Buffer
	ln, err := u.Listen(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if !strings.Contains(logged.String(), "unlinking stale socket") {
		t.Errorf("log: %s", logged.String())
	}
	c, err := net.Dial("unix", u.Path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// A path that is not a socket belongs to somebody: Supervisor would delete it.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	file, sub := filepath.Join(dir, "file"), filepath.Join(dir, "sub")
	if err := errors.Join(os.WriteFile(file, []byte("precious"), 0o600), os.Mkdir(sub, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, sub} {
		if _, err := (Unix{Path: path, Mode: 0o700, UID: -1, GID: -1}).Listen(t.Context(), discard()); err == nil ||
			!strings.Contains(err.Error(), path+": the file exists and is not a socket") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Error(b, err)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("files left: %q", got)
	}
}

func TestUnixErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ path, text string }{
		{filepath.Join(dir, "none", "s"), "Cannot open an HTTP server: socket.error reported errno.ENOENT (2) (" + filepath.Join(dir, "none", "s")},
		{filepath.Join(dir, strings.Repeat("x", 120)), "the path needs"},
	} {
		_, err := Unix{Path: c.path, Mode: 0o700, UID: -1, GID: -1}.Listen(t.Context(), discard())
		var open *OpenError
		if !errors.As(err, &open) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	denied := &chownError{Unix{Path: "/run/s", UID: 1, GID: 2}}
	want := `Not permitted to chown /run/s to uid/gid (1, 2); adjust "sockchown" value in config file or on command line to values`
	if !strings.HasPrefix(denied.Error(), want) || !errors.Is(denied, fs.ErrPermission) {
		t.Error(denied)
	}
}

func TestUnixChown(t *testing.T) {
	u := Unix{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o700, UID: 12345, GID: 23456}
	ln, err := u.Listen(t.Context(), discard())
	if os.Getuid() != 0 {
		if err == nil || !strings.HasPrefix(err.Error(), "Not permitted to chown "+u.Path) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	info, err := os.Lstat(u.Path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 12345 || st.Gid != 23456 {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
}

// The socket of a successor must survive the end of a daemon that had the path before.
func TestCloseLeavesTheSocketOfAnother(t *testing.T) {
	u := Unix{Path: filepath.Join(t.TempDir(), "s"), Mode: 0o700, UID: -1, GID: -1}
	first, err := u.Listen(t.Context(), discard())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(u.Path); err != nil {
		t.Fatal(err)
	}
	second, err := u.Listen(t.Context(), discard())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	c, err := net.Dial("unix", u.Path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// Of many that find no socket at the path, exactly one gets it.
func TestUnixRace(t *testing.T) {
	dir := t.TempDir()
	u := Unix{Path: filepath.Join(dir, "s"), Mode: 0o700, UID: -1, GID: -1}
	var wg sync.WaitGroup
	results := make(chan net.Listener, 8)
	for i := range cap(results) {
		wg.Go(func() { // as listen does, each under a temporary name of its own, as other processes have
			ln, err := u.create(t.Context(), filepath.Join(dir, string(rune('a'+i))))
			if err != nil {
				t.Error(err)
				return
			}
			if err := os.Link(filepath.Join(dir, string(rune('a'+i))), u.Path); err == nil {
				results <- ln
				return
			}
			ln.Close()
			if err := u.removeStale(t.Context(), discard()); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("a served socket was taken for a stale one: %v", err)
			}
		})
	}
	wg.Wait()
	if len(results) != 1 {
		t.Fatalf("%d listeners", len(results))
	}
	(<-results).Close()
}
