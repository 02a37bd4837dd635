package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

// folder makes files in a new directory and returns it; @DIR@ in a text stands for that directory.
func folder(t *testing.T, files map[string]string) string {
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

const conf = "supervisord.conf"

// loadText loads a configuration of one file.
func loadText(t *testing.T, text string, flags Flags) (*Config, string, error) {
	t.Helper()
	dir := folder(t, map[string]string{conf: text})
	c, err := Load(filepath.Join(dir, conf), flags)
	return c, dir, err
}

// mustLoad loads a configuration that is well.
func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c, _, err := loadText(t, text, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// only returns the one process of the configuration.
func only(t *testing.T, c *Config) *process.Spec {
	t.Helper()
	if len(c.Groups) != 1 || len(c.Groups[0].Specs) != 1 {
		t.Fatalf("groups are %+v", c.Groups)
	}
	return c.Groups[0].Specs[0]
}

// problems returns what is wrong with a configuration, one "line: [section] key: text" each, and the warnings likewise.
func problems(t *testing.T, text string) (wrong, warnings []string) {
	t.Helper()
	c, dir, err := loadText(t, text, Flags{})
	show := func(all []Problem) (lines []string) {
		for _, p := range all {
			line := strings.TrimLeft(strings.TrimPrefix(p.String(), filepath.Join(dir, conf)), ": ")
			lines = append(lines, strings.ReplaceAll(line, dir, "@DIR@"))
		}
		return lines
	}
	if err == nil {
		return nil, show(c.Warnings)
	}
	var bad *Error
	if !errors.As(err, &bad) {
		t.Fatalf("the error is a %T", err)
	}
	return show(bad.Problems), show(bad.Warnings)
}

// same reports the differences of two lists of lines.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\ngot\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
