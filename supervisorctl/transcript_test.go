package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var updateTranscripts = flag.Bool("update", false, "rewrite the transcripts in testdata")

// The transcripts were recorded with the supervisorctl of Supervisor 4.2.5 and the supvisorsctl of Supvisors 0.19 against the same
// replies: a busy server, a busy cluster, a server that shuts down, one that has nothing, one that fails. Ours differ in two places: "help x" says only once that it knows nothing, and a period of 0 is a wrong argument.
//
// "$ ARGUMENTS < INPUT" starts a run, with | for the ends of the lines of the input. The output follows, "! " marks lines of the error
// output, a backslash an output without a last newline; then the exit status and the calls that the server saw, without the checks of
// the version.
func TestTranscripts(t *testing.T) {
	for _, name := range []string{"supervisor", "cluster", "closing", "empty", "failing"} {
		server := newFake(t, loadReplies(t, name+".json"))
		path := filepath.Join("testdata", name+".txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, want := range splitRuns(string(text)) {
			line, _, _ := strings.Cut(want, "\n")
			got := transcribe(t, server, line)
			all.WriteString(got)
			if got != want && !*updateTranscripts {
				t.Errorf("%s: got\n%swant\n%s", name, got, want)
			}
		}
		if *updateTranscripts {
			if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// splitRuns cuts a transcript before each line that starts with "$ ".
func splitRuns(text string) []string {
	var runs []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if strings.HasPrefix(line, "$ ") {
			runs = append(runs, "")
		}
		if len(runs) > 0 {
			runs[len(runs)-1] += line
		}
	}
	return runs
}

// transcribe makes the run that a line of a transcript asks for and writes it down.
func transcribe(t *testing.T, server *fake, line string) string {
	t.Helper()
	command, input, _ := strings.Cut(line[1:], " < ")
	r := runWith(t, strings.ReplaceAll(input, "|", "\n"), append([]string{"-s", server.url}, strings.Fields(command)...)...)
	var b strings.Builder
	b.WriteString(line + "\n" + r.out)
	if r.out != "" && !strings.HasSuffix(r.out, "\n") {
		b.WriteString("\\\n")
	}
	for l := range strings.Lines(r.errOut) {
		b.WriteString("! " + l)
	}
	fmt.Fprintf(&b, "(exit %d)\n", r.exit)
	for _, call := range server.takeCalls() {
		if call != "supervisor.getVersion []" && call != "supvisors.get_api_version []" {
			fmt.Fprintf(&b, "(%s)\n", call)
		}
	}
	b.WriteString("\n")
	return strings.NewReplacer(server.url, "URL", strconv.Itoa(server.port), "PORT").Replace(b.String())
}
