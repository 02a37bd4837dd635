package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLoad reads a configuration of 1,000 programs.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("[supervisord]\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "[program:worker_%04d]\ncommand=/usr/bin/worker --port %d --name %%(program_name)s\ndirectory=/srv\nstartsecs=2\n"+
			"environment=LANG=C.UTF-8\nredirect_stderr=true\nstdout_logfile=/tmp/%%(program_name)s.log\n\n", i, 20000+i)
	}
	path := filepath.Join(b.TempDir(), "supervisord.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(path, Flags{}); err != nil {
			b.Fatal(err)
		}
	}
}
