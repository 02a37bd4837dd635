package node

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/process"
)

// benchProcess is a process that has just been started, as its node tells it.
func benchProcess(i int) cluster.ProcessInfo {
	spec := process.Spec{Program: "worker", Index: i, StartSecs: 1, StopWaitSecs: 10, Stdout: process.LogSpec{File: "out"}, Stderr: process.LogSpec{File: "err"}}
	now := time.Unix(1_700_000_000, 123_456_789)
	info := process.Info{Group: "workers", Name: fmt.Sprintf("worker_%04d", i), State: process.Running, PID: 4000 + i, Start: now, Expected: true}
	return NewClock().Fact(LocalProcess{Info: info, Spec: &spec}, now.Add(time.Second))
}

// payloads are what nodes tell each other: a change of a process, a tick, and all about a node with 1,000 processes.
func payloads() []struct {
	name  string
	value any
} {
	info := benchProcess(0)
	report := cluster.Report{Identity: cluster.Identity{Identifier: "10.0.0.1:9001", Nick: "one", Host: "10.0.0.1", Port: 9001}, Epoch: "17979cfe362a0000",
		Modes: cluster.Modes{State: cluster.Operation, Master: "10.0.0.1:9001", Instances: map[string]cluster.InstanceState{"10.0.0.1:9001": cluster.InstanceRunning}}}
	for i := range 1000 {
		report.Processes = append(report.Processes, benchProcess(i))
	}
	return []struct {
		name  string
		value any
	}{
		{"process", cluster.Delta{Process: &info}},
		{"tick", cluster.Delta{Tick: &cluster.Tick{Counter: 1000, Wall: 1_700_000_000.123, Mono: 5000.123}}},
		{"report1000", report},
	}
}

// BenchmarkEncode writes one message to the peers.
func BenchmarkEncode(b *testing.B) {
	for _, p := range payloads() {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				data, err := json.Marshal(p.value)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
			}
		})
	}
}

// BenchmarkDecode reads one message of a peer into the inbox of the core.
func BenchmarkDecode(b *testing.B) {
	n := &Node{cfg: Config{Logger: slog.New(slog.DiscardHandler)}, inbox: newInbox()}
	for _, p := range payloads() {
		data, err := json.Marshal(p.value)
		if err != nil {
			b.Fatal(err)
		}
		var ev gossip.Event = gossip.StreamEntry{Name: "10.0.0.1:9001", Seq: 1, Data: data}
		if _, ok := p.value.(cluster.Report); ok {
			ev = gossip.StreamSnapshot{Name: "10.0.0.1:9001", Seq: 1, Data: data}
		}
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				n.heard(nil, ev)
				if len(n.inbox.take()) != 1 {
					b.Fatal("the message was not understood")
				}
			}
		})
	}
}
