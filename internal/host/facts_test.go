package host

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOSVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "os-release")
	if got := prettyName(file); got != "" {
		t.Errorf("without a file: %q", got)
	}
	for text, want := range map[string]string{"NAME=x\nPRETTY_NAME=\"Some OS 12\"\n": "Some OS 12", "PRETTY_NAME=Bare\n": "Bare", "": "",
		"PRETTY_NAME=\"broken\n": "\"broken"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := prettyName(file); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
