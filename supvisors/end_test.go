package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestEndIsAnswered checks that a client which ends or restarts the daemon gets its answer, even when there is nothing to wait for.
func TestEndIsAnswered(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base)
	d := p.start()
	var ok bool
	for i := range 20 {
		if err := d.call(&ok, "supervisor.restart"); err != nil || !ok {
			t.Errorf("restart %d: %v, %v", i, ok, err)
		}
		d.logged("supervisord started with pid", i+2)
	}
	if err := d.callAt("http://127.0.0.1:"+p.port, &ok, "supervisor.shutdown"); err != nil || !ok {
		t.Errorf("shutdown: %v, %v", ok, err)
	}
	if code := d.end(); code != 0 {
		t.Errorf("exit status %d: %s", code, &d.errors)
	}
	d.clean()
}

// TestFollowersDoNotDelayTheEnd checks that a client which follows a log does not hold the daemon up, nor one that says nothing.
func TestFollowersDoNotDelayTheEnd(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"[program:talk]\ncommand=@SELF@ play talk\nstdout_logfile=@DIR@/talk.log\n")
	d := p.start()
	d.logged("spawned: 'talk'", 1)
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%s/logtail/talk", p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	d.stop()
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("the end took %v", took)
	}
	inOrder(t, strings.ReplaceAll(p.read("log"), "\n", " "), "received SIGTERM", "stopped: talk")
}
