package dashboard

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

const talker = `[program:talk]
command=PLAY idle
autostart=false
startsecs=0
stdout_logfile=DIR/logs/out
stderr_logfile=NONE
`

// log reads a piece of a log.
func (d *desk) log(query string) (c LogChunk) {
	d.t.Helper()
	if status := d.get("/ui/api/log?"+query, &c); status != http.StatusOK {
		d.t.Errorf("%s: %d", query, status)
	}
	return c
}

// refused checks that a request is refused with a sentence.
func (d *desk) refused(path string, status int, text string) {
	d.t.Helper()
	var refusal struct{ Message string }
	if got := d.get(path, &refusal); got != status || !strings.Contains(refusal.Message, text) {
		d.t.Errorf("%s: %d %q, wanted %d %q", path, got, refusal.Message, status, text)
	}
}

// append adds to a file of the test.
func (d *desk) append(name, text string) {
	d.t.Helper()
	f, err := os.OpenFile(d.sup.Path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

func TestLogChunks(t *testing.T) {
	d := newAlone(t, talker)
	if c := d.log("process=talk&channel=stdout"); c.Text != "" || c.To != 0 || c.Error != "" {
		t.Errorf("a log that does not exist yet: %+v", c)
	}
	text := strings.Repeat("0123456789", 10000)
	d.sup.Write("logs/out", text)
	size := int64(len(text))
	for query, want := range map[string][2]int64{
		"":                        {size - logChunk, size},
		"&limit=10":               {size - 10, size},
		"&before=50&limit=20":     {30, 50},
		"&before=50&limit=200":    {0, 50},
		"&before=0":               {0, 0},
		"&before=999999&limit=10": {size - 10, size},
		"&limit=99999999":         {0, size},
		"&before=-1&limit=0":      {size - utf8.UTFMax, size},
	} {
		c := d.log("process=talk&channel=stdout" + query)
		if c.From != want[0] || c.To != want[1] || c.Text != text[want[0]:want[1]] || c.Node != "tester" || c.Process != "talk" || c.Channel != "stdout" {
			t.Errorf("%s: %d to %d with %d bytes", query, c.From, c.To, len(c.Text))
		}
	}
	d.refused("/ui/api/log?process=talk&channel=stderr", 404, "no log file is configured")
	d.refused("/ui/api/log?process=talk&channel=sound", 404, "channel")
	d.refused("/ui/api/log?process=zz&channel=stdout", 404, "")
	d.refused("/ui/api/log?process=talk&channel=stdout&node=zz", 404, "there is no node zz")
	d.refused("/ui/api/log?process=talk&channel=stdout&before=x", 400, "before")
	d.refused("/ui/api/log?process=talk&channel=stdout&limit=-2", 400, "limit")
	d.refused("/ui/api/log/file?process=talk&channel=stderr", 404, "no log file is configured")
	d.refused("/ui/api/log/file?process=talk&channel=stdout&node=zz", 404, "there is no node zz")
	d.sup.Log.Info("something happened")
	supervisortest.Until(t, "the log of the daemon is there", func() bool {
		c := d.log("channel=main")
		return strings.HasSuffix(c.Text, "something happened\n") && c.Channel == "main" && c.Process == ""
	})
}

// A character is never cut, whatever the limits are, and pieces that follow each other are the whole.
func TestLogCharacters(t *testing.T) {
	d := newAlone(t, talker)
	text := strings.Repeat("aé€😀", 40)
	for name, text := range map[string]string{"text": text, "begun": text + "\xf0\x9f", "none": "\xe9\xff\x80\x80\x80\x80\x80\x80\xc3" + text + "\x80"} {
		d.sup.Write("logs/out", text)
		for limit := utf8.UTFMax; limit < 20; limit++ {
			all, before := "", int64(-1)
			for range len(text) + 1 {
				c, err := d.readOwnLog("talk", "stdout", before, int64(limit))
				if err != nil {
					t.Fatal(err)
				}
				if int(c.To-c.From) != len(c.Text) || before >= 0 && c.To != before || name != "none" && !utf8.ValidString(c.Text) || len(c.Text) > limit {
					t.Fatalf("%s by %d: %+v before %d", name, limit, c, before)
				}
				all, before = c.Text+all, c.From
				if c.From == 0 {
					break
				}
			}
			if !strings.HasPrefix(text, all) || len(text)-len(all) >= utf8.UTFMax {
				t.Fatalf("%s by %d: %q", name, limit, all)
			}
		}
	}
}

// follower is a page that follows logs.
type follower struct {
	*tab
	d *desk
}

// followLogs opens a page that follows logs.
func (d *desk) followLogs(watch ...LogWatch) *follower {
	d.t.Helper()
	f := &follower{open(d.t, d.site, ""), d}
	f.watch(watch...)
	return f
}

func (f *follower) watch(watch ...LogWatch) {
	f.t.Helper()
	body, err := json.Marshal(Watching{Stats: []string{}, Logs: watch})
	if err != nil {
		f.t.Fatal(err)
	}
	if a := f.d.do("POST", "/ui/api/stream/"+f.conn, string(body)); a.StatusCode != 204 {
		f.t.Fatalf("%d %s", a.StatusCode, a.Text)
	}
}

// chunk returns the next piece.
func (f *follower) chunk() (c LogChunk) {
	f.t.Helper()
	data, _ := f.until("log")
	decode(f.t, []byte(data), &c)
	return c
}

// reads checks what comes next, until it has come to an offset.
func (f *follower) reads(from, to int64, text string, rotated bool) {
	f.t.Helper()
	at, got, anew := int64(-1), "", false
	for at < to {
		c := f.chunk()
		if at >= 0 && c.From != at || c.Error != "" || int64(len(c.Text)) != c.To-c.From || !utf8.ValidString(c.Text) {
			f.t.Fatalf("%+v after %d", c, at)
		}
		if got == "" && c.From != from {
			f.t.Fatalf("%+v, wanted from %d", c, from)
		}
		at, got, anew = c.To, got+c.Text, anew || c.Rotated
	}
	if got != text || anew != rotated {
		f.t.Errorf("%q, anew %v; wanted %q", got, anew, text)
	}
}

// rotations are what may become of a log while it is followed, here and on another node.
func (f *follower) rotations(d *desk) {
	f.t.Helper()
	d.append("logs/out", "one\n")
	f.reads(3, 7, "one\n", false)
	d.append("logs/out", "h\xc3") // its rest follows
	f.reads(7, 8, "h", false)
	d.append("logs/out", "\xa9")
	f.reads(8, 10, "é", false)
	d.append("logs/out", "==> File truncated <==\n") // which the program has written
	f.reads(10, 33, "==> File truncated <==\n", false)
	if err := os.Truncate(d.sup.Path("logs/out"), 0); err != nil {
		f.t.Fatal(err)
	}
	f.reads(0, 0, "", true)
	d.append("logs/out", "two\n")
	f.reads(0, 4, "two\n", false)
	if err := os.Rename(d.sup.Path("logs/out"), d.sup.Path("logs/out.1")); err != nil {
		f.t.Fatal(err)
	}
	d.append("logs/out.1", "rest\n")
	f.reads(4, 9, "rest\n", false)
	d.append("logs/out", "three\n")
	f.reads(0, 6, "three\n", true)
	long := strings.Repeat("😀", 30000)
	d.append("logs/out", long)
	f.reads(6, 6+int64(len(long)), long, false)
}

func TestFollowLog(t *testing.T) {
	d := newAlone(t, talker)
	d.append("logs/out", "old")
	f := d.followLogs(LogWatch{Process: "talk", Channel: "stdout", Offset: -1})
	supervisortest.Until(t, "the log is followed", func() bool { return following() == 1 })
	f.rotations(d)

	from := func(offset int64) *follower {
		return d.followLogs(LogWatch{Node: "tester", Process: "talk", Channel: "stdout", Offset: offset})
	}
	d.sup.Write("logs/out", "threefour\n")
	from(5).reads(5, 10, "four\n", false)
	t.Run("which are not there", func(t *testing.T) {
		g := d.followLogs(LogWatch{Process: "talk", Channel: "stderr"}, LogWatch{Process: "zz", Channel: "stdout"}, LogWatch{Node: "zz", Channel: "main"})
		errors := map[string]string{}
		for range 3 {
			c := g.chunk()
			errors[c.Node+"/"+c.Process] = c.Error
		}
		if errors["/talk"] != "no log file is configured" || errors["/zz"] == "" || errors["zz/"] != "there is no node zz" {
			t.Errorf("%q", errors)
		}
		g.watch(LogWatch{Process: "zz", Channel: "stdout"}) // which is tried again
		if c := g.chunk(); c.Process != "zz" || c.Error == "" {
			t.Errorf("%+v", c)
		}
	})
}

// following counts the goroutines that follow logs.
func following() int {
	var text strings.Builder
	pprof.Lookup("goroutine").WriteTo(&text, 2)
	return strings.Count(text.String(), "dashboard.(*tail).follow(")
}

// A log that has become shorter since the page read it has begun anew.
func TestFollowShorter(t *testing.T) {
	d := newAlone(t, talker)
	d.append("logs/out", "new")
	d.followLogs(LogWatch{Process: "talk", Channel: "stdout", Offset: 99}).reads(0, 3, "new", true)
}

// A page that goes away, or wants other logs, ends what followed them.
func TestFollowersEnd(t *testing.T) {
	d := newAlone(t, talker)
	d.append("logs/out", "x")
	watch := []LogWatch{{Process: "talk", Channel: "stdout", Offset: -1}, {Channel: "main", Offset: -1}}
	f := d.followLogs(watch...)
	supervisortest.Until(t, "both are followed", func() bool { return following() == 2 })
	f.watch(watch[0])
	supervisortest.Until(t, "one is followed", func() bool { return following() == 1 })
	moved := watch[0]
	moved.Offset = 1
	f.watch(moved) // is the same log
	d.append("logs/out", "y")
	f.reads(1, 2, "y", false)
	if n := following(); n != 1 {
		t.Errorf("%d are followed", n)
	}
	f.close()
	supervisortest.Until(t, "none is followed", func() bool { return following() == 0 })
}

// A log on another node is read, followed and fetched as one here.
func TestRemoteLogs(t *testing.T) {
	nodes := newNodes(t, talker)
	here, there := nodes[0], nodes[1]
	there.sup.Write("logs/out", "hé llo")
	if c := here.log("node=n2&process=talk&channel=stdout&before=3"); c.Text != "hé" || c.From != 0 || c.To != 3 || c.Node != there.current().Self.Identifier {
		t.Errorf("%+v", c)
	}
	here.refused("/ui/api/log?node=n2&process=talk&channel=stderr", 404, "no log file is configured")
	here.refused("/ui/api/log/file?node=n2&process=talk&channel=stderr", 404, "no log file is configured")
	there.sup.Write("logs/out", "old")
	f := here.followLogs(LogWatch{Node: "n2", Process: "talk", Channel: "stdout", Offset: -1}, LogWatch{Node: "n2", Process: "zz", Channel: "stdout"})
	if c := f.chunk(); c.Process != "zz" || c.Error == "" {
		t.Errorf("%+v", c)
	}
	supervisortest.Until(t, "the log is followed", func() bool { return following() == 1 })
	f.rotations(there)
	whole := there.big("logs/out")
	if a := here.do("GET", "/ui/api/log/file?node=n2&process=talk&channel=stdout", ""); a.Text != whole || a.ContentLength != int64(len(whole)) {
		t.Errorf("%d bytes", len(a.Text))
	}
	f.close()
	supervisortest.Until(t, "none is followed", func() bool { return following() == 0 })

	f = here.followLogs(LogWatch{Node: "n2", Process: "talk", Channel: "stdout", Offset: -1})
	supervisortest.Until(t, "the log is followed again", func() bool { return following() == 1 })
	there.end()
	if c := f.chunk(); c.Error == "" {
		t.Errorf("the node has gone: %+v", c)
	}
	here.refused("/ui/api/log?node=n2&process=talk&channel=stdout", 404, "")
}

// big writes a log of more than one piece, of any bytes.
func (d *desk) big(name string) string {
	data := make([]byte, 5*maxLogChunk/2)
	rand.Read(data)
	text := string(data) + strings.Repeat("😀", maxLogChunk/4)
	d.sup.Write(name, text)
	return text
}

func TestLogFile(t *testing.T) {
	d := newAlone(t, talker)
	whole := d.big("logs/out")
	a := d.do("GET", "/ui/api/log/file?process=talk&channel=stdout", "")
	if a.Text != whole || a.StatusCode != 200 || a.Kind() != "text" || a.Header.Get("Content-Disposition") != `attachment; filename="talk-stdout.log"` {
		t.Errorf("%d bytes, %v", len(a.Text), a.Header)
	}
	d.sup.Write("logs/out", "")
	if a := d.do("GET", "/ui/api/log/file?process=talk&channel=stdout", ""); a.StatusCode != 200 || a.Text != "" {
		t.Errorf("%d %q", a.StatusCode, a.Text)
	}
	if a := d.do("GET", "/ui/api/log/file?channel=main", ""); a.StatusCode != 200 || a.Header.Get("Content-Disposition") != `attachment; filename="supervisord.log"` {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if got := attachment("a:b/c\\\"\n", "stdout"); got != "a_b_c___-stdout.log" {
		t.Error(got)
	}
	a = doortest.Do(t, "GET", d.site, "/ui/api/log/file?process="+url.QueryEscape("x\r\nSet-Cookie: a=b")+"&channel=stdout", "")
	if a.StatusCode != 404 || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}
