package service

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// tails serves the log streams of a daemon as the daemon's routes do.
func (d *daemon) tails() *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/logtail/", LogTail(d.deps))
	mux.Handle("/mainlogtail", MainLogTail(d.deps))
	server := httptest.NewServer(mux)
	d.t.Cleanup(server.Close)
	return server
}

// follow begins to read a stream, until the test ends or the function it returns is called.
func follow(t *testing.T, url string) (*http.Response, func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return resp, func() { cancel(); resp.Body.Close() }
}

func wantBytes(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got[:n], err, want)
	}
}

func TestLogTail(t *testing.T) {
	d := newDaemon(t, "[program:cat]\ncommand=PLAY cat\nstartsecs=0\nstdout_logfile=DIR/out\n"+
		"[program:say]\ncommand=PLAY say o e\nstartsecs=0\nstdout_logfile=DIR/say.out\nstderr_logfile=DIR/say.err\n", nil)
	server := d.tails()
	d.sup.Wait("cat", process.Running)
	long := strings.Repeat("0123456789abcdef", 100)
	d.want(true, "supervisor.sendProcessStdin", "cat", long)
	d.waitText("out", long)
	resp, leave := follow(t, server.URL+"/logtail/cat")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/plain;charset=utf-8" ||
		resp.Header.Get("Last-Modified") == "" || resp.Header.Get("X-Accel-Buffering") != "no" || len(resp.TransferEncoding) != 1 {
		t.Errorf("got %s, %v, %v", resp.Status, resp.Header, resp.TransferEncoding)
	}
	body := bufio.NewReader(resp.Body)
	wantBytes(t, body, long[len(long)-1024:])
	for _, text := range []string{"first\n", "second\n"} {
		d.want(true, "supervisor.sendProcessStdin", "cat", text)
		wantBytes(t, body, text)
	}
	if err := os.Truncate(d.sup.Path("out"), 0); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, body, "==> File truncated <==\n")
	d.want(true, "supervisor.sendProcessStdin", "cat", "third\n")
	wantBytes(t, body, "third\n")
	leave()

	d.waitText("say.err", "e")
	d.waitText("say.out", "o")
	for path, want := range map[string]string{"say": "o", "say:say": "o", "say/stdout": "o", "say/stderr": "e", "say:say/stderr": "e", "s%61y%3Asay": "o"} {
		resp, leave := follow(t, server.URL+"/logtail/"+path)
		wantBytes(t, resp.Body, want)
		leave()
	}
}

func TestMainLogTail(t *testing.T) {
	d := newDaemon(t, "", nil)
	server := d.tails()
	resp, _ := follow(t, server.URL+"/mainlogtail")
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasSuffix(line, "INFO supervisord started\n") {
		t.Errorf("got %q, %v", line, err)
	}
	d.deps.Log.Info("more")
	if line, err := body.ReadString('\n'); err != nil || !strings.HasSuffix(line, "INFO more\n") {
		t.Errorf("got %q, %v", line, err)
	}
	if err := os.Remove(d.sup.Path("main.log")); err != nil {
		t.Fatal(err)
	}
	if resp, _ := follow(t, server.URL+"/mainlogtail"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a file: %s", resp.Status)
	}
}

func TestLogTailRefuses(t *testing.T) {
	d := newDaemon(t, logged, nil)
	d.sup.Write("out", "x")
	server := d.tails()
	for path, want := range map[string]int{
		"nothing": 404, "p/stdnone": 404, "p/": 404, "p/stdout/x": 404, "p:nothing": 404, "p:*": 404, "": 404, "nolog": 404, "lost": 404, "p/stderr": 404,
	} {
		resp, leave := follow(t, server.URL+"/logtail/"+path)
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
		leave()
	}
	for _, path := range []string{"/logtail/p", "/logtail/nothing", "/mainlogtail"} {
		for _, method := range []string{http.MethodPost, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
}

// When there is no inotify instance to be had, a client is told to come again; later it is served.
func TestLogTailWithoutInotify(t *testing.T) {
	d := newDaemon(t, logged, nil)
	d.sup.Write("out", "x")
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 3, Max: limit.Max} // refuses every new descriptor, as the system does when its instances are used up
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	LogTail(d.deps).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/logtail/p", nil))
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Last-Modified") != "" {
		t.Errorf("got %d, %v", w.Code, w.Header())
	}
	resp, _ := follow(t, d.tails().URL+"/logtail/p")
	wantBytes(t, resp.Body, "x")
}

// tailf_limit is how much of a log comes first.
func TestTailfLimit(t *testing.T) {
	d := newDaemon(t, "[program:cat]\ncommand=PLAY cat\nstartsecs=0\nstdout_logfile=DIR/out\n", func(d *daemon) { d.deps.TailfLimit = 10 })
	server := d.tails()
	d.sup.Wait("cat", process.Running)
	d.want(true, "supervisor.sendProcessStdin", "cat", "0123456789abcdef")
	d.waitText("out", "0123456789abcdef")
	resp, _ := follow(t, server.URL+"/logtail/cat")
	wantBytes(t, resp.Body, "6789abcdef")
}
