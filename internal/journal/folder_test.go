package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// registration is a state file as this release knows it.
type registration struct {
	State string `json:"state"`
	Token string `json:"token,omitempty"`
	Owner struct {
		Name string `json:"name"`
	} `json:"owner"`
	Tags map[string]string `json:"tags,omitempty"`
}

func newFolder(t testing.TB) *Folder {
	t.Helper()
	f, err := OpenFolder(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fields returns the JSON object of a file.
func fields(t testing.TB, path string) (out map[string]any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func mode(t testing.TB, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestSaveAndLoad(t *testing.T) {
	f := newFolder(t)
	if got := mode(t, f.Path("")); got != fs.ModeDir|0o700 {
		t.Errorf("the directory has mode %v", got)
	}
	into := registration{State: "as before"}
	if err := f.Load("node.json", &into); !errors.Is(err, fs.ErrNotExist) || into.State != "as before" {
		t.Errorf("no file: %v, %+v", err, into)
	}
	want := registration{State: "configured", Token: "t", Tags: map[string]string{"a": "b"}}
	want.Owner.Name = "me"
	if err := f.Save("node.json", want); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, f.Path("node.json")); got != 0o600 {
		t.Errorf("the file has mode %v", got)
	}
	var got registration
	if err := f.Load("node.json", &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if v := fields(t, f.Path("node.json"))["version"]; v != float64(FormatVersion) {
		t.Errorf("version %v", v)
	}
	if left, _ := os.ReadDir(f.Path("")); len(left) != 1 {
		t.Errorf("the directory holds %v", left)
	}
}

func TestUnknownFieldsStay(t *testing.T) {
	f := newFolder(t)
	put(t, f.Path("node.json"), `{"version":1,"State":"old","token":"secret","future":{"a":[1,2]},
		"owner":{"name":"me","mail":"m@x"},"tags":{"gone":"1"}}`)
	var r registration
	if err := f.Load("node.json", &r); err != nil || r.State != "old" || r.Token != "secret" {
		t.Fatalf("got %+v, %v", r, err)
	}
	r.State, r.Token, r.Owner.Name, r.Tags = "new", "", "you", map[string]string{"new": "2"}
	for _, from := range []any{r, &r} {
		if err := f.Save("node.json", from); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"version": 1.0, "state": "new", "future": map[string]any{"a": []any{1.0, 2.0}},
			"owner": map[string]any{"name": "you", "mail": "m@x"}, "tags": map[string]any{"new": "2"},
		}
		if got := fields(t, f.Path("node.json")); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func TestLaterVersionIsLeftAlone(t *testing.T) {
	f := newFolder(t)
	const content = `{"version":2,"state":"of the future"}`
	put(t, f.Path("node.json"), content)
	for what, err := range map[string]error{"load": f.Load("node.json", &registration{}), "save": f.Save("node.json", registration{})} {
		if err == nil || !strings.Contains(err.Error(), "version 2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if data, _ := os.ReadFile(f.Path("node.json")); string(data) != content {
		t.Errorf("the file is now %s", data)
	}
}

func TestDamagedStateFile(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "zeros": strings.Repeat("\x00", 100), "cut": `{"version":1,"state":"conf`, "null": "null", "list": "[1]",
		"no version": `{"state":"a"}`, "version of text": `{"version":"1"}`, "other type": `{"version":1,"state":[1]}`, "two": `{"version":1}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			put(t, f.Path("node.json"), content)
			into := registration{State: "as before"}
			err := f.Load("node.json", &into)
			var damaged *DamagedError
			if !errors.As(err, &damaged) || into.State != "as before" {
				t.Fatalf("got %v, %+v", err, into)
			}
			if kept, _ := os.ReadFile(damaged.Kept); string(kept) != content || !strings.Contains(err.Error(), damaged.Kept) {
				t.Errorf("kept is %q, the error %v", kept, err)
			}
			if err := f.Load("node.json", &into); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("loaded again: %v", err)
			}
			put(t, f.Path("node.json"), content) // and again, in the same second
			if err := f.Save("node.json", registration{State: "fresh"}); err != nil && name != "other type" {
				t.Fatal(err)
			}
			if err := f.Load("node.json", &into); err != nil || into.State != "fresh" {
				t.Errorf("after a save: %v, %+v", err, into)
			}
			all, _ := filepath.Glob(f.Path("node.json.damaged-*"))
			if want := 2; len(all) != want && name != "other type" { // what Save can merge it need not move
				t.Errorf("kept are %v, want %d", all, want)
			}
		})
	}
}

// TestInterruptedSave goes through what a power loss may leave of a save, step by step.
func TestInterruptedSave(t *testing.T) {
	const old, fresh = `{"version":1,"state":"old"}`, `{"version":1,"state":"new"}`
	for _, c := range []struct {
		name, target, temp string
		want               string // state after loading, "" for none
	}{
		{"before anything", old, "", "old"},
		{"temporary file made, nothing in it", old, " ", "old"},
		{"temporary file half written", old, fresh[:9], "old"},
		{"temporary file complete, not renamed", old, fresh, "old"},
		{"renamed", fresh, "", "new"},
		{"first save, half written", "", fresh[:9], ""},
		{"first save, not renamed", "", fresh, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFolder(t)
			if c.target != "" {
				put(t, f.Path("node.json"), c.target)
			}
			if c.temp != "" {
				put(t, f.Path("node.json.tmp"), c.temp) // with another mode than a save gives it
			}
			f, err := OpenFolder(f.Path(""))
			if err != nil {
				t.Fatal(err)
			}
			var r registration
			err = f.Load("node.json", &r)
			if r.State != c.want || (c.want == "") != errors.Is(err, fs.ErrNotExist) {
				t.Errorf("loaded %+v, %v", r, err)
			}
			if err := f.Save("node.json", registration{State: "later"}); err != nil {
				t.Fatal(err)
			}
			if err := f.Load("node.json", &r); err != nil || r.State != "later" || mode(t, f.Path("node.json")) != 0o600 {
				t.Errorf("after the next save: %+v, %v, mode %v", r, err, mode(t, f.Path("node.json")))
			}
			if left, _ := os.ReadDir(f.Path("")); len(left) != 1 {
				t.Errorf("the directory holds %v", left)
			}
		})
	}
}

// A save that cannot be finished leaves the old file, and no link in the place of the temporary file leads it astray.
func TestFailedSave(t *testing.T) {
	f := newFolder(t)
	if err := f.Save("node.json", registration{State: "old"}); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	put(t, victim, "untouched")
	if err := os.Symlink(victim, f.Path("node.json.tmp")); err != nil {
		t.Fatal(err)
	}
	if err := f.Save("node.json", registration{State: "new"}); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(victim); string(data) != "untouched" {
		t.Errorf("the link led to %s", data)
	}
	if err := os.MkdirAll(f.Path("node.json.tmp/in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Save("node.json", registration{State: "newest"}); err == nil {
		t.Error("saved without a temporary file")
	}
	var r registration
	if err := f.Load("node.json", &r); err != nil || r.State != "new" {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, from := range []any{[]int{1}, "text", func() {}} {
		if err := f.Save("other.json", from); err == nil {
			t.Errorf("%T is saved", from)
		}
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	f := newFolder(t)
	for _, name := range []string{"../x", "a/b", "/x", ".", "..", ""} {
		if err := f.Save(name, registration{}); err == nil {
			t.Errorf("saved as %q", name)
		}
		if err := f.Load(name, &registration{}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is loaded: %v", name, err)
		}
	}
}

func TestFolderThatOthersMayWrite(t *testing.T) {
	for _, c := range []struct {
		mode fs.FileMode
		ok   bool
	}{{0o700, true}, {0o750, true}, {0o755, true}, {0o770, false}, {0o707, false}, {0o777, false}, {0o702, false}} {
		dir := filepath.Join(t.TempDir(), "state")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := OpenFolder(dir)
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%04o", c.mode)) {
			t.Errorf("mode %04o: %v", c.mode, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "")
	if _, err := OpenFolder(file); err == nil {
		t.Error("a file is taken as a directory")
	}
	if os.Geteuid() == 0 {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Skip("root of this user namespace cannot give a directory away:", err)
		}
		if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("a directory of somebody else: %v", err)
		}
	}
}

func TestManySavesAtOnce(t *testing.T) {
	f := newFolder(t)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 10 {
				if err := f.Save("node.json", registration{State: fmt.Sprint(n)}); err != nil {
					t.Error(err)
				}
				var r registration
				if err := f.Load("node.json", &r); err != nil || r.State == "" {
					t.Errorf("got %+v, %v", r, err)
				}
			}
		})
	}
	all.Wait()
}
