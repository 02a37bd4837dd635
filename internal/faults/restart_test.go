package faults

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// restarts is how often a node of TestRestarts comes and goes.
const restarts = 200

// TestRestarts has one node end and begin again and again, as it happens to be. It costs the others nothing that lasts.
func TestRestarts(t *testing.T) {
	w := newWorld(t, 3, plan{})
	w.boot(w.nodes...)
	w.settled()
	for i := range 3 {
		w.must(w.nodes[0].startJob(i))
	}
	w.settled()
	victim, others := w.nodes[2], w.nodes[:2]
	before := [2]usage{others[0].usage(), others[1].usage()}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for i := range restarts {
		if i%2 == 0 {
			w.kill(victim)
		} else {
			victim.signal(syscall.SIGTERM)
			victim.end()
		}
		w.boot(victim)
		<-time.After(time.Duration(random.IntN(150)) * time.Millisecond) // it gets this far
	}
	w.settled()
	for i, h := range others {
		var now usage
		w.until("what the restarts have cost is given back", func() string {
			now = h.usage()
			if now.descriptors > before[i].descriptors+8 || now.goroutines > before[i].goroutines+16 {
				return fmt.Sprintf("%s has %+v, before %+v", h.name, now, before[i])
			}
			return ""
		})
		t.Logf("%s: before %+v, after %+v", h.name, before[i], now)
	}
	w.shut()
}

// usage is what a daemon needs.
type usage struct {
	descriptors, goroutines int
	memory                  int // KiB that are resident
}

func (h *host) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(h.cmd.Process.Pid), name)
}

func (h *host) descriptors() int {
	h.w.t.Helper()
	fds, err := os.ReadDir(h.proc("fd"))
	h.w.must(err)
	return len(fds)
}

func (h *host) usage() (u usage) {
	h.w.t.Helper()
	u.descriptors = h.descriptors()
	status, err := os.ReadFile(h.proc("status"))
	h.w.must(err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fmt.Sscan(rest, &u.memory)
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + h.identifier + "/metrics")
	h.w.must(err)
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if n, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			u.goroutines, err = strconv.Atoi(n)
			h.w.must(err)
		}
	}
	if u.memory == 0 || u.goroutines == 0 {
		h.w.t.Fatalf("%s does not tell what it needs: %+v", h.name, u)
	}
	return u
}

// TestOrphans checks the promise about the programs of a daemon that was killed: they go on, as under Supervisor, and they are no matter of
// the daemon any more. What reads its standard input or writes into a pipe notices.
func TestOrphans(t *testing.T) {
	w := newWorld(t, 1, plan{extra: `[program:stay]
command=@SELF@ play stay 0
[program:work]
command=@SELF@ play work 0
`})
	clear(w.want)
	count := func(namespec string) (n int) {
		for _, p := range w.processes() {
			if p.namespec == namespec {
				n++
			}
		}
		return n
	}
	there := func(stay, work int) {
		t.Helper()
		w.until("the programs are as promised", func() string {
			if s, n := count("stay:stay"), count("work:work"); s != stay || n != work {
				return fmt.Sprintf("%d that do not care, %d that do", s, n)
			}
			return ""
		})
	}
	h := w.nodes[0]
	w.boot(h)
	there(1, 1)
	w.until("both are ready", func() string {
		if files, _ := filepath.Glob(filepath.Join(h.dir, "ready.*")); len(files) < 2 {
			return "not yet"
		}
		return ""
	})
	w.kill(h)
	there(1, 0)
	w.boot(h)
	there(2, 1)
	h.signal(syscall.SIGTERM)
	if code := h.end(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	there(1, 0)
}
