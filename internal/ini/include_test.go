package ini

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write makes files with contents in a new directory; @DIR@ in a content stands for that directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "@DIR@", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestInclude(t *testing.T) {
	dir := write(t, map[string]string{
		"main.conf":     "[include]\nfiles=conf.d/*.conf %(host_node_name)s.ini @DIR@/abs.conf none/*.x\n[a]\nx=main\nh=%(here)s\n[DEFAULT]\ndh=%(here)s\n",
		"conf.d/2.conf": "[a]\nx=two\nk=%(here)s/k\n[c]\n", "conf.d/1.conf": "[a]\nx=one\n[b]\ny=%(here)s\n[include]\nfiles=more.conf\n",
		"conf.d/more.conf.off": "", "conf.d/.3.conf": "[hidden]\n", "node.ini": "[n]\n", "abs.conf": "[abs]\n",
	})
	main := filepath.Join(dir, "main.conf")
	d, err := Load(main, Vars{"here": dir, "host_node_name": "node"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"include", "a", "b", "c", "n", "abs"}; !slices.Equal(d.Sections(), want) {
		t.Errorf("sections %q, want %q", d.Sections(), want)
	}
	for _, c := range []struct{ section, key, text, file string }{
		{"a", "x", "two", "conf.d/2.conf"},
		{"a", "h", dir, "main.conf"},
		{"a", "k", dir + "/conf.d/k", "conf.d/2.conf"},
		{"b", "y", dir + "/conf.d", "conf.d/1.conf"},
		{"a", "dh", dir, "main.conf"},
		{"b", "dh", dir + "/conf.d", "main.conf"}, // the default became an option of b when its file was read
	} {
		v, ok := d.Lookup(c.section, c.key)
		if !ok || v.Text != c.text || v.Pos.File != filepath.Join(dir, c.file) {
			t.Errorf("%s.%s is %+v, want %q of %s", c.section, c.key, v, c.text, c.file)
		}
	}
	want := []string{"conf.d/1.conf", "conf.d/2.conf", "node.ini", "abs.conf"}
	for i := range want {
		want[i] = filepath.Join(dir, want[i])
	}
	if !slices.Equal(d.Included, want) {
		t.Errorf("included %q, want %q", d.Included, want)
	}
	if len(d.Skipped) != 1 || d.Skipped[0].Path != filepath.Join(dir, "none/*.x") || d.Skipped[0].Pos.Line != 2 {
		t.Errorf("skipped %+v", d.Skipped)
	}
	if got := d.Header("b").File; got != filepath.Join(dir, "conf.d/1.conf") {
		t.Errorf("section b is of %s", got)
	}
}

func TestHereWithoutInclude(t *testing.T) {
	dir := write(t, map[string]string{"main.conf": "[a]\nx=%(here)s\n"})
	d, err := Load(filepath.Join(dir, "main.conf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Lookup("a", "x"); v.Text != "%(here)s" {
		t.Errorf("got %q", v.Text)
	}
}

func TestDirectoryAmongIncludedFiles(t *testing.T) {
	dir := write(t, map[string]string{"main.conf": "[include]\nfiles=d/*\n", "d/sub/x": "", "d/y": "[y]\n"})
	d, err := Load(filepath.Join(dir, "main.conf"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Has("y") || len(d.Skipped) != 1 || d.Skipped[0].Err == nil {
		t.Errorf("sections %q, skipped %+v", d.Sections(), d.Skipped)
	}
}

// TestOtherReader has a reader that changes, refuses and misses files.
func TestOtherReader(t *testing.T) {
	dir := write(t, map[string]string{"main.conf": "[include]\nfiles=p*\n", "p1": "", "p2": "", "p3": ""})
	refused := errors.New("refused")
	read := func(path string) ([]byte, error) {
		switch filepath.Base(path) {
		case "p1":
			return []byte("[one]\n"), nil
		case "p2":
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
		case "p3":
			return nil, refused
		}
		return os.ReadFile(path)
	}
	var include *IncludeError
	if d, err := LoadWith(dir+"/main.conf", nil, read); d != nil || !errors.Is(err, refused) || !errors.As(err, &include) || include.Pos.Line != 2 {
		t.Errorf("got %v, %v", d, err)
	}
	if err := os.Remove(dir + "/p3"); err != nil {
		t.Fatal(err)
	}
	d, err := LoadWith(dir+"/main.conf", nil, read)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Has("one") || len(d.Skipped) != 1 || !errors.Is(d.Skipped[0].Err, fs.ErrPermission) {
		t.Errorf("sections %q, skipped %+v", d.Sections(), d.Skipped)
	}
	if _, err := LoadWith(dir+"/p3", nil, read); err != refused {
		t.Errorf("got %v", err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := write(t, map[string]string{
		"nofiles.conf": "[include]\nfoo=bar\n", "var.conf": "[x]\n[include]\nfiles=%(nope)s\n",
		"bad.conf": "nonsense\n", "badparts.conf": "[include]\nfiles=p1 p2\n", "p1": "one\n", "p2": "[s]\ntwo\n",
	})
	for file, want := range map[string]string{
		"absent.conf":   "could not find config file @DIR@/absent.conf",
		"":              "could not read config file @DIR@/",
		"nofiles.conf":  ".ini file has [include] section, but no files setting",
		"var.conf":      "Format string '%(nope)s' for 'include.files' contains names ('nope') which cannot be expanded. Available names: here",
		"bad.conf":      "File contains no section headers.\nfile: '@DIR@/bad.conf', line: 1\n'nonsense\\n'",
		"badparts.conf": "File contains no section headers.\nfile: '@DIR@/p1', line: 1\n'one\\n'\nSource contains parsing errors: '@DIR@/p2'\n\t[line  2]: 'two\\n'",
	} {
		_, err := Load(dir+"/"+file, Vars{"here": dir})
		if want = strings.ReplaceAll(want, "@DIR@", dir); err == nil || err.Error() != want {
			t.Errorf("%s: got %v\nwant %s", file, err, want)
		}
	}
	var include *IncludeError
	if _, err := Load(dir+"/var.conf", nil); !errors.As(err, &include) || include.Pos.Line != 3 {
		t.Errorf("got %v", err)
	}
}

func TestWith(t *testing.T) {
	d, err := Parse("f", "[DEFAULT]\nd=1\n[a]\nx=1\nnumprocs=2\n[b]\ny=1\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := dump(d.With("a", "numprocs", "5")), "[DEFAULT] d=1|[a] x=1| numprocs=5|[b] y=1|"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := dump(d.With("b", "numprocs", "5")), "[DEFAULT] d=1|[a] x=1| numprocs=2|[b] y=1| numprocs=5|"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if v, _ := d.Lookup("a", "numprocs"); v.Text != "2" {
		t.Errorf("the original has %q now", v.Text)
	}
}
