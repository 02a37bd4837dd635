package ini

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// python runs a script that reads JSON from its standard input and writes JSON to its standard output.
func python(t *testing.T, script string, in, out any) {
	t.Helper()
	program, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so there is nothing to compare with")
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-X", "utf8", "-c", script)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(text), &stderr
	reply, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(reply, out); err != nil {
		t.Fatal(err)
	}
}

// randomTexts makes texts of up to length pieces; the same seed makes the same texts.
func randomTexts(seed uint64, count, length int, pieces []string) []string {
	r := rand.New(rand.NewPCG(seed, 0))
	texts := make([]string, count)
	for i := range texts {
		var b strings.Builder
		for range r.IntN(length) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		texts[i] = b.String()
	}
	return texts
}
