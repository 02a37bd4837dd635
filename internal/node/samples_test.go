package node

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Statistics go to the peers that ask, as long as they ask, and to nobody else.
func TestSamples(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		await(t, "OPERATION", m, inOperation)
	}
	ctx, stop := context.WithCancel(t.Context())
	heard, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		members[0].FollowSamples(ctx, func(header string, body []byte) { heard <- header + string(body) })
	}()
	// a peer publishes; the first samples may come before anybody listens, so it goes on until they are heard
	until := func(m *member, header string) {
		t.Helper()
		deadline, tick := time.After(20*time.Second), time.NewTicker(10*time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			m.PublishSample(header, fmt.Appendf(nil, `{"n": %d}`, i))
			select {
			case got := <-heard:
				var n int
				if _, err := fmt.Sscanf(got, header+`{"n": %d}`, &n); err == nil {
					return
				}
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s was not heard", header)
			}
		}
	}
	until(members[1], "hstats")
	until(members[2], "pstats")
	if members[0].SamplesWanted() {
		t.Error("somebody asks the one that asks")
	}
	stop()
	<-ended
	deadline := time.After(20 * time.Second)
	for members[1].SamplesWanted() || members[2].SamplesWanted() {
		select {
		case <-deadline:
			t.Fatal("the streams do not end")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Nobody who does not know the secret gets any.
func TestSamplesAreForPeers(t *testing.T) {
	members := newCluster(t, 1, sameSecret)
	members[0].run(t)
	resp, err := http.Get("http://" + members[0].cfg.Core.Self + samplesPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Error(resp.Status)
	}
}
