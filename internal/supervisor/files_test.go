package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestWritePIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.pid")
	for range 2 { // the second one replaces what a killed daemon left
		if err := WritePIDFile(path); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != fmt.Sprintf("%d\n", os.Getpid()) {
			t.Errorf("pid file holds %q", got)
		}
	}
	if err := WritePIDFile(filepath.Join(path, "below")); err == nil {
		t.Error("a path that cannot be written was accepted")
	}
}

func TestAutoLogsAreFoundByTheCleaner(t *testing.T) {
	dir := t.TempDir()
	path, err := autoLog(dir, "p_00", "stdout", "my.id")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^p_00-stdout---my\.id-\w+\.log$`).MatchString(filepath.Base(path)) {
		t.Errorf("name %s", filepath.Base(path))
	}
	keep := []string{"---my.id-abc.log", "p-stdout---myxid-abc.log", "p-stdout---other-abc.log", "p.log"}
	for _, name := range append([]string{"p_00-stderr---my.id-abc.log.1"}, keep...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if errs := ClearChildLogs(dir, "my.id"); errs != nil {
		t.Fatal(errs)
	}
	var left []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, keep) {
		t.Errorf("left %v, want %v", left, keep)
	}
	if path, err := autoLog(filepath.Join(dir, "none"), "p", "stdout", "id"); err == nil {
		t.Errorf("created %s without its folder", path)
	}
}

func TestClearChildLogsTellsWhatFailed(t *testing.T) {
	dir := t.TempDir()
	if errs := ClearChildLogs(filepath.Join(dir, "none"), "id"); len(errs) != 1 {
		t.Errorf("missing folder: %v", errs)
	}
	// A folder that is not empty cannot be removed.
	if err := os.MkdirAll(filepath.Join(dir, "p-stdout---id-x.log", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if errs := ClearChildLogs(dir, "id"); len(errs) != 1 {
		t.Errorf("a log that cannot be removed: %v", errs)
	}
}
