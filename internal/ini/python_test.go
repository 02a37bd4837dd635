package ini

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// record has the tests write the files of testdata anew with what the python3 of this machine says (Python 3.11 for now, whose
// error texts those of this package are):
//
//	go test ./internal/ini -run Recorded -record
var record = flag.Bool("record", false, "rewrite testdata with the results of python3")

// recorded returns the cases in a file of testdata, after writing what ask returns to it when that is wanted.
func recorded[C any](t *testing.T, name string, ask func() []C) []C {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *record {
		if err := os.WriteFile(path, lines(t, ask()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []C
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatalf("%s has no cases", path)
	}
	return cases
}

// lines writes a JSON array with one case a line, each once.
func lines[C any](t *testing.T, cases []C) []byte {
	t.Helper()
	var texts []string
	for _, c := range cases {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
		if text := strings.TrimSuffix(b.String(), "\n"); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return []byte("[\n" + strings.Join(texts, ",\n") + "\n]\n")
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
