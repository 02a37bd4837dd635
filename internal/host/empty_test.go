package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEmpty(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 { // more than one block of names
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file-with-a-long-name-", i)), nil, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := empty(t.Context(), dir); err != nil {
		t.Error(err)
	}
	wantNames(t, dir)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)
	for _, path := range []string{link, filepath.Join(link, "x"), filepath.Join(dir, "none"), filepath.Join(dir, "x")} {
		if err := empty(t.Context(), path); err == nil {
			t.Errorf("%s was emptied", path)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := empty(ended, dir); err != context.Canceled {
		t.Errorf("at the end of the daemon: %v", err)
	}
	wantNames(t, dir, "x")
}

func TestEmptyEndsInTheDepth(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	deep := dir
	for i := range maxDepth + 3 {
		deep = filepath.Join(deep, fmt.Sprint(i))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)
	if err := empty(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("it ended with %v", err)
	}
	wantNames(t, dir, "0")
}

// TestEmptyStopsAtMounts needs the right to mount.
func TestEmptyStopsAtMounts(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inner, outer := filepath.Join(dir, "data", "mounted"), filepath.Join(dir, "outer")
	for _, d := range []string{inner, outer} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(outer, "precious"), nil, 0o600)
	os.WriteFile(filepath.Join(dir, "data", "z"), nil, 0o600)
	if err := unix.Mount(outer, inner, "", unix.MS_BIND, ""); err != nil {
		t.Skip("no right to mount: ", err)
	}
	defer unix.Unmount(inner, unix.MNT_DETACH)
	err = empty(t.Context(), filepath.Join(dir, "data"))
	if err == nil {
		t.Error("no error")
	}
	wantNames(t, outer, "precious")
	wantNames(t, filepath.Join(dir, "data"), "mounted")
}

// wantNames compares what is in a directory.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", dir, got, want)
	}
}
