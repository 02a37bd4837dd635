// Package examples holds the test that the example configurations can be used as they are.
package examples

import (
	"path/filepath"
	"testing"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/rules"
)

func TestConfigurations(t *testing.T) {
	files, err := filepath.Glob("*/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	loaded := 0
	for _, file := range files {
		if filepath.Base(file) == "programs.conf" {
			continue // it is included
		}
		cfg, err := config.Load(file, config.Flags{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%s: %s", file, w)
		}
		if len(cfg.Groups) == 0 {
			t.Errorf("%s has no programs", file)
		}
		loaded++
	}
	if loaded < 4 {
		t.Fatalf("only %d configurations were found", loaded)
	}
}

func TestRules(t *testing.T) {
	files, err := filepath.Glob("*/rules.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("rules files: %v %v", files, err)
	}
	for _, file := range files {
		if _, problems := rules.Load([]string{file}); len(problems) > 0 {
			t.Errorf("%s: %v", file, problems)
		}
	}
}
