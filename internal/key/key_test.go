package key

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// memory is a Folder.
type memory struct {
	files map[string][]byte
	fail  error
}

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

func (m *memory) Load(name string, into any) error {
	data, ok := m.files[name]
	if !ok {
		return fs.ErrNotExist
	}
	return json.Unmarshal(data, into)
}

func (m *memory) Save(name string, from any) error {
	data, err := json.Marshal(from)
	if err = errors.Join(err, m.fail); err == nil {
		m.files[name] = data
	}
	return err
}

func open(t *testing.T, folder Folder, dir string) *Keys {
	t.Helper()
	k, err := Open(folder, dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeys(t *testing.T) {
	folder := newMemory()
	k, groups := open(t, folder, ""), []string{"web", "grp"}
	all := map[string]Scope{}
	for _, s := range []Scope{Global, Read, Of("web"), Of("grp")} {
		all[k.Key(s)] = s
	}
	if len(all) != 4 {
		t.Errorf("keys are the same: %v", all)
	}
	for key, scope := range all {
		if got, ok := k.Find(key, groups); got != scope || !ok || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(key) {
			t.Errorf("%s opens %q, want %q", key, got, scope)
		}
	}
	for _, key := range []string{"", "x", strings.Repeat("0", 64), strings.ToUpper(k.Key(Global)), k.Key(Global) + "0", k.Key(Of("gone"))} {
		if scope, ok := k.Find(key, groups); ok || scope != "" {
			t.Errorf("%q opens %q", key, scope)
		}
	}
	if Of("web").Group() != "web" || Read.Group() != "" {
		t.Error("scopes and their groups")
	}
	if open(t, newMemory(), "").Key(Global) == k.Key(Global) {
		t.Error("two nodes have one key")
	}
	for name, data := range folder.files {
		for key := range all {
			if strings.Contains(string(data), key) {
				t.Errorf("%s has a key", name)
			}
		}
	}
}

// TestRegenerate: the old key opens nothing, also after a restart, and the others stay.
func TestRegenerate(t *testing.T) {
	folder := newMemory()
	k, groups := open(t, folder, ""), []string{"web"}
	old, global := k.Key(Of("web")), k.Key(Global)
	next, err := k.Regenerate(Of("web"))
	if err != nil || next == old {
		t.Fatal(next, err)
	}
	for _, keys := range []*Keys{k, open(t, folder, "")} {
		if _, ok := keys.Find(old, groups); ok {
			t.Error("the old key opens")
		}
		if scope, ok := keys.Find(next, groups); !ok || scope != Of("web") {
			t.Error("the new key does not open")
		}
		if keys.Key(Global) != global {
			t.Error("the key of another has changed")
		}
	}
}

// TestFiles: the operator reads the keys from files that nobody else can read, and that follow them.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	k := open(t, newMemory(), dir)
	if _, err := k.Regenerate(Read); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Scope{Global, Read} {
		path := filepath.Join(dir, string(s)+".key")
		data, err := os.ReadFile(path)
		if err != nil || string(data) != k.Key(s)+"\n" {
			t.Errorf("%s says %q, %v", path, data, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("there are %v", files)
	}
	if _, err := Open(newMemory(), filepath.Join(dir, "gone")); err == nil || !strings.Contains(err.Error(), "write the global key") {
		t.Errorf("no place for the files: %v", err)
	}
}

func TestNothingIsHalfDone(t *testing.T) {
	folder := newMemory()
	k := open(t, folder, "")
	before := k.Key(Global)
	folder.fail = errors.New("disk full")
	if _, err := k.Regenerate(Global); err == nil {
		t.Error("a key that will not be known after a restart")
	}
	if k.Key(Global) != before {
		t.Error("it counts all the same")
	}
	if _, err := Open(&memory{files: map[string][]byte{}, fail: errors.New("disk full")}, ""); err == nil {
		t.Error("a secret that was not kept")
	}
	if _, err := Open(&memory{files: map[string][]byte{file: []byte("{")}}, ""); err == nil {
		t.Error("a damaged file")
	}
}
