package ini

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tree makes empty files in a new directory.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var globFiles = []string{"a.conf", "b.conf", "c.txt", ".hidden.conf", "d/a.conf", "d/e/x.conf", "f/a.conf", "[x].conf", "a]b", "^", "é.conf", ".git/a.conf"}

var globPatterns = []string{"*.conf", "a.conf", "nope.conf", "?.conf", "[ab].conf", "[!a].conf", "[a-b].conf", "*/*.conf", "*/a.conf", "d/**/x.conf",
	"**", ".*", ".*.conf", "[[]x].conf", "[x].conf", "a[]]b", "[^]", "[!]", "[", "d", "d/*", "*/", "d/*/", "./*.conf", "nope/*.conf", "a.conf/*", "é.*", "[b-a].conf", "*a*"}

func TestGlob(t *testing.T) {
	dir := tree(t, globFiles...)
	for pattern, want := range map[string][]string{
		"*.conf":   {"[x].conf", "a.conf", "b.conf", "é.conf"},
		".*.conf":  {".hidden.conf"},
		"*/*.conf": {"d/a.conf", "f/a.conf"},
		"a.conf":   {"a.conf"},
		"no.conf":  nil,
		"[!a-y]*":  {"[x].conf", "^", "é.conf"},
	} {
		var got []string
		for _, file := range Glob(dir + "/" + pattern) {
			got = append(got, strings.TrimPrefix(file, dir+"/"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", pattern, got, want)
		}
	}
}

const globScript = `
import glob, json, os, sys
data = json.load(sys.stdin)
os.chdir(data['dir'])
json.dump([sorted(os.path.normpath(f) for f in glob.glob(p)) for p in data['patterns']], sys.stdout)
`

func TestGlobIsPythons(t *testing.T) {
	dir := tree(t, globFiles...)
	var want [][]string
	python(t, globScript, map[string]any{"dir": dir, "patterns": globPatterns}, &want)
	t.Chdir(dir)
	for i, pattern := range globPatterns {
		got := Glob(pattern)
		for i := range got {
			got[i] = filepath.Clean(got[i])
		}
		slices.Sort(got)
		if !slices.Equal(got, want[i]) {
			t.Errorf("%s gives %q, in Python %q", pattern, got, want[i])
		}
	}
}

func TestGlobOfManyStarsEnds(t *testing.T) {
	begin := time.Now()
	if match([]rune(strings.Repeat("*a", 60)+"b"), []rune(strings.Repeat("a", 250))) {
		t.Error("matches")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzMatch(f *testing.F) {
	for _, pattern := range globPatterns {
		f.Add(pattern, "a.conf")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if !hasMagic(pattern) && match([]rune(pattern), []rune(name)) != (string([]rune(pattern)) == string([]rune(name))) {
			t.Errorf("%q and %q", pattern, name)
		}
		if !match([]rune(pattern+"*"), []rune(name)) && match([]rune(pattern), []rune(name)) && !strings.Contains(pattern, "[") {
			t.Errorf("a star more in %q loses %q", pattern, name)
		}
	})
}
