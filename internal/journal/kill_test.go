package journal

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// writerEnv makes the test binary a process that writes to the log of that path until it is killed.
const writerEnv = "JOURNAL_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// writeUntilKilled tells each number on a line of stdout: "gave" when it was given out, "ack" once its record is on disk. Lines are
// written at once, so that what was told before the end is known.
func writeUntilKilled(path string) {
	l, err := Open(path, Limits{Count: 1 << 30}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	for g := range 4 {
		go func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, n)
				if id := l.Append(Record{Code: "given", Source: Node{ID: name}}); id != 0 {
					fmt.Println("gave", id, name)
				}
				id, err := l.AppendSync(context.Background(), Record{Code: "acknowledged", Message: name, Source: Node{ID: name}})
				if err != nil {
					fmt.Println("failed", err)
				}
				fmt.Println("ack", id, name)
			}
		}()
	}
	select {}
}

// TestKilledHundredTimes is the promise of the log: it opens each time, no acknowledged event is lost, numbers never repeat.
func TestKilledHundredTimes(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	path := newPath(t)
	acked := make(map[uint64]string)
	given := make(map[uint64]bool)
	var highest uint64
	for kill := range kills {
		lines := killedWriter(t, path, time.Duration(kill%10)*time.Millisecond)
		var newest uint64
		for _, line := range lines {
			var what, message string
			var id uint64
			if n, err := fmt.Sscan(line, &what, &id, &message); n != 3 || what == "failed" {
				t.Fatalf("kill %d: the writer says %q (%v)", kill, line, err)
			}
			if given[id] || id <= highest {
				t.Fatalf("kill %d: the number %d comes again; before this life %d was the highest", kill, id, highest)
			}
			given[id] = true
			newest = max(newest, id)
			if what == "ack" {
				acked[id] = message
			}
		}
		highest = max(highest, newest)
		if kill%10 == 9 { // in between, crash follows upon crash
			checkAcknowledged(t, path, acked)
		}
	}
	if len(acked) < kills {
		t.Errorf("only %d acknowledged events in %d lives", len(acked), kills)
	}
	t.Logf("%d numbers given out, %d acknowledged, the highest is %d", len(given), len(acked), highest)
}

// killedWriter starts a writer, kills it so long after its first line and returns its whole lines.
func killedWriter(t *testing.T, path string, after time.Duration) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var messages strings.Builder
	cmd.Stderr = &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var lines []string
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			break // what is left is no whole line
		}
		lines = append(lines, strings.TrimSpace(line))
		once.Do(func() { time.AfterFunc(after, func() { cmd.Process.Kill() }) })
	}
	cmd.Wait()
	if len(lines) == 0 {
		t.Fatalf("the writer did not write: %s", messages.String())
	}
	if strings.Contains(messages.String(), "damaged") {
		t.Fatalf("the writer found damage: %s", messages.String())
	}
	return lines
}

func checkAcknowledged(t *testing.T, path string, acked map[uint64]string) {
	t.Helper()
	l, w := open(t, path, Limits{Count: 1 << 30})
	defer l.Close()
	if w.count("was not closed") != 1 {
		t.Errorf("nothing is told about the crash: %s", w.all.String())
	}
	missing := make(map[uint64]string, len(acked))
	for id, message := range acked {
		missing[id] = message
	}
	for _, r := range read(t, l, nil) {
		if message, ok := missing[r.ID]; ok {
			if message != r.Message {
				t.Errorf("record %d is %q, acknowledged was %q", r.ID, r.Message, message)
			}
			delete(missing, r.ID)
		}
	}
	if len(missing) > 0 {
		t.Fatalf("%d of %d acknowledged events are lost", len(missing), len(acked))
	}
}
