package service

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// logged is a process with logs of a known text, and one without logs.
const logged = `
[program:p]
command=PLAY idle
autostart=false
stdout_logfile=DIR/out
stderr_logfile=DIR/err
[program:nolog]
command=PLAY idle
autostart=false
stdout_logfile=NONE
stderr_logfile=NONE
[program:lost]
command=PLAY idle
autostart=false
stdout_logfile=DIR/lost
`

func TestReadProcessLogs(t *testing.T) {
	d := newDaemon(t, logged, nil)
	text := strings.Repeat("0123456789", 10)
	d.sup.Write("out", text)
	d.sup.Write("err", "wrong")
	for _, c := range []struct {
		offset, length int
		want           string
	}{
		{0, 0, text}, {0, 5, text[:5]}, {10, 7, text[10:17]}, {95, 0, text[95:]}, {1000, 5, ""}, {95, 50, text[95:]}, {-7, 0, text[93:]}, {-1000, 0, text},
	} {
		d.want(c.want, "supervisor.readProcessStdoutLog", "p", c.offset, c.length)
		d.want(c.want, "supervisor.readProcessLog", "p:p", c.offset, c.length)
	}
	d.want("ong", "supervisor.readProcessStderrLog", "p", -3, 0)
	for _, method := range []string{"readProcessStdoutLog", "readProcessLog", "readProcessStderrLog"} {
		d.wantFault(rpc.BadArguments, "BAD_ARGUMENTS", "supervisor."+method, "p", -5, 3)
		d.wantFault(rpc.BadArguments, "BAD_ARGUMENTS", "supervisor."+method, "p", 0, -3)
		d.wantFault(rpc.NoFile, "NO_FILE", "supervisor."+method, "nolog", 0, 0)
		d.wantFault(rpc.BadName, "BAD_NAME: p:*", "supervisor."+method, "p:*", 0, 0)
	}
	d.wantFault(rpc.NoFile, "NO_FILE: "+d.sup.Path("lost"), "supervisor.readProcessLog", "lost", 0, 0)
}

func TestTailProcessLogs(t *testing.T) {
	d := newDaemon(t, logged, nil)
	text := strings.Repeat("0123456789", 10)
	d.sup.Write("out", text)
	d.sup.Write("err", "wrong")
	for _, c := range []struct {
		offset, length, start int
		overflow              bool
	}{
		{0, 100, 0, false}, {0, 500, 0, false}, {90, 10, 90, false}, {100, 10, 100, false}, {0, 10, 90, true}, {20, 30, 70, true},
		{0, 0, 100, true}, {500, 10, 100, false},
	} {
		want := []any{text[c.start:], 100, c.overflow}
		d.want(want, "supervisor.tailProcessStdoutLog", "p", c.offset, c.length)
		d.want(want, "supervisor.tailProcessLog", "p", c.offset, c.length)
	}
	d.want([]any{"wrong", 5, false}, "supervisor.tailProcessStderrLog", "p", 0, 9)
	d.want([]any{"", 0, false}, "supervisor.tailProcessStdoutLog", "nolog", 5, 10)
	d.want([]any{"", 0, false}, "supervisor.tailProcessStderrLog", "nolog", 5, 10)
	d.want([]any{"", 0, false}, "supervisor.tailProcessStdoutLog", "lost", 5, 10)
	d.wantFault(rpc.BadName, "BAD_NAME: p:*", "supervisor.tailProcessStderrLog", "p:*", 0, 0)
}

// Whatever a program writes, clients can read the answer: what XML cannot hold is replaced, the rest is kept.
func TestUnreadableLogs(t *testing.T) {
	d := newDaemon(t, logged, nil)
	d.sup.Write("out", "é€\x1b[31mred\x00\xff<&>\r\n")
	want := "é€\uFFFD[31mred\uFFFD\uFFFD<&>\r\n"
	d.want(want, "supervisor.readProcessStdoutLog", "p", 0, 0)
	d.want([]any{want, 20, false}, "supervisor.tailProcessStdoutLog", "p", 0, 100)
	d.want("\uFFFD€", "supervisor.readProcessStdoutLog", "p", 1, 4) // cut in a character
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	d.sup.Write("out", string(every))
	if text := d.ask("supervisor.readProcessStdoutLog", "p", 0, 0).(string); !utf8.ValidString(text) || !strings.Contains(text, "xyz{") {
		t.Errorf("got %q", text)
	}
}

func TestClearLogs(t *testing.T) {
	d := newDaemon(t, logged+"[program:cat]\ncommand=PLAY cat\nstartsecs=0\npriority=1\nstdout_logfile=DIR/cat\n", nil)
	d.sup.Wait("cat", process.Running)
	d.want(true, "supervisor.sendProcessStdin", "cat", "before\n")
	d.waitText("cat", "before")
	for _, method := range []string{"clearProcessLogs", "clearProcessLog"} {
		d.want(true, "supervisor."+method, "cat")
		d.want("", "supervisor.readProcessStdoutLog", "cat", 0, 0)
		d.want(true, "supervisor.sendProcessStdin", "cat", "after\n")
		d.waitText("cat", "after\n")
	}
	d.want("after\n", "supervisor.readProcessStdoutLog", "cat", 0, 0)
	d.sup.Write("out", "x")
	if err := os.Mkdir(d.sup.Path("lost"), 0o755); err != nil {
		t.Fatal(err)
	}
	results := d.ask("supervisor.clearAllProcessLogs").([]any)
	if len(results) != 4 {
		t.Fatalf("got %v", results)
	}
	for i, want := range []rpc.Map{ok("cat", "cat"), ok("lost", "lost"), ok("nolog", "nolog"), ok("p", "p")} {
		got := results[i].(rpc.Map)
		if i == 1 {
			if get(t, got, "status") != rpc.Failed || !strings.HasPrefix(get(t, got, "description").(string), "FAILED: ") {
				t.Errorf("got %v", got)
			}
			continue
		}
		for j := range want {
			if got[j] != want[j] {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	}
	d.want("", "supervisor.readProcessStdoutLog", "cat", 0, 0)
	d.want("", "supervisor.readProcessStdoutLog", "p", 0, 0)
}

func TestMainLog(t *testing.T) {
	d := newDaemon(t, "", nil)
	whole := d.ask("supervisor.readLog", 0, 0).(string)
	if !strings.Contains(whole, "INFO supervisord started\n") {
		t.Fatalf("log: %q", whole)
	}
	d.want(whole[:20], "supervisor.readMainLog", 0, 20)
	d.want(whole[len(whole)-10:], "supervisor.readLog", -10, 0)
	d.wantFault(rpc.BadArguments, "BAD_ARGUMENTS", "supervisor.readLog", -5, 3)
	d.wantFault(rpc.BadArguments, "BAD_ARGUMENTS", "supervisor.readMainLog", 0, -3)
	d.want(true, "supervisor.clearLog")
	if text := d.ask("supervisor.readLog", 0, 0).(string); text != "" {
		t.Errorf("after the clear: %q", text)
	}
	if err := os.Remove(d.sup.Path("main.log")); err != nil {
		t.Fatal(err)
	}
	d.wantFault(rpc.NoFile, "NO_FILE: "+d.sup.Path("main.log"), "supervisor.readLog", 0, 0)
	d.wantFault(rpc.NoFile, "NO_FILE", "supervisor.clearLog")
}
