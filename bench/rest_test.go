package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
)

// clients is how many connections are kept busy at one time.
const clients = 64

// startNode runs a node that is alone in its cluster and returns its address and pid.
func startNode(b *testing.B) (url string, pid int) {
	b.Helper()
	binary, err := filepath.Abs("../bin/supvisors")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		b.Skip("bin/supvisors is missing: make build first")
	}
	address := "127.0.0.1:" + porttest.Free(b, 1)[0]
	dir := b.TempDir()
	conf := filepath.Join(dir, "conf")
	text := fmt.Sprintf("[supervisord]\nlogfile=%s/log\npidfile=%s/pid\nchildlogdir=%s\n[inet_http_server]\nport=%s\n"+
		"[rpcinterface:supvisors]\nsupvisors_list=%s\nsynchro_options=LIST\n[program:cat]\ncommand=/bin/cat\n", dir, dir, dir, address, address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(binary, "-n", "-s", "-c", conf)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	url = "http://" + address
	deadline := time.After(20 * time.Second)
	for {
		resp, err := http.Get(url + "/supvisors/supvisors_state")
		if err == nil {
			data, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if strings.Contains(string(data), "OPERATION") {
				return url, cmd.Process.Pid
			}
		}
		select {
		case <-deadline:
			b.Fatal("the node does not come up")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// resident returns the memory of a process in KiB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return float64(n)
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// hammer sends n requests over the clients and reports how many a second were answered.
func hammer(b *testing.B, n int, request func() (*http.Request, error)) float64 {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var failed atomic.Int64
	start := time.Now()
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				r, err := request()
				if err != nil {
					failed.Add(1)
					return
				}
				resp, err := client.Do(r)
				if err != nil {
					failed.Add(1)
					return
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				resp.Body.Close()
			}
		})
	}
	group.Wait()
	if failed.Load() > 0 {
		b.Fatalf("%d requests failed", failed.Load())
	}
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkREST compares GET /supvisors/supvisors_state with XML-RPC's supervisor.getState and supvisors.get_supvisors_state, taken in
// turn from the same 64 clients, and shows what 200,000 further requests leave in memory.
func BenchmarkREST(b *testing.B) {
	url, pid := startNode(b)
	get := func() (*http.Request, error) {
		return http.NewRequest(http.MethodGet, url+"/supvisors/supvisors_state", nil)
	}
	post := func(method string) func() (*http.Request, error) {
		body := []byte("<methodCall><methodName>" + method + "</methodName><params/></methodCall>")
		return func() (*http.Request, error) {
			return http.NewRequest(http.MethodPost, url+"/RPC2", bytes.NewReader(body))
		}
	}
	const round = 20000
	for b.Loop() {
		hammer(b, round, get) // to warm up
		rest, state, same := hammer(b, round, get), hammer(b, round, post("supervisor.getState")), hammer(b, round, post("supvisors.get_supvisors_state"))
		before := resident(b, pid)
		hammer(b, 200000, get)
		b.ReportMetric(rest, "rest/s")
		b.ReportMetric(rest/state, "rest:getState")
		b.ReportMetric(rest/same, "rest:same-by-xmlrpc")
		b.ReportMetric(before, "KiB-before")
		b.ReportMetric(resident(b, pid)-before, "KiB-growth")
	}
}
