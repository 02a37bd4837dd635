package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestResolvedPaths(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "real"), 0o755)
	os.Symlink("real", filepath.Join(dir, "link"))
	for path, to := range map[string]string{
		"": "", "relative": "", "/": "/", dir + "/link/a/b": dir + "/real/a/b", dir + "/link": dir + "/real", "/no/such/path": "/no/such/path",
	} {
		if got := resolved(path); got != to {
			t.Errorf("%q leads to %q, want %q", path, got, to)
		}
	}
}
