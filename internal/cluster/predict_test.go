package cluster

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

const predictRules = `<application name="shop"><programs>
	<program name="migrate"><start_sequence>1</start_sequence><wait_exit>true</wait_exit><expected_loading>50</expected_loading></program>
	<program name="db"><start_sequence>2</start_sequence><expected_loading>40</expected_loading></program>
	<program name="web"><start_sequence>2</start_sequence><expected_loading>40</expected_loading></program>
	<program name="big"><identifiers>n1</identifiers><start_sequence>3</start_sequence><expected_loading>70</expected_loading><required>true</required></program>
	<program name="tool"><expected_loading>10</expected_loading></program></programs></application>`

// TestPredictions: where a start would put what.
func TestPredictions(t *testing.T) {
	type place = map[string]string
	for _, c := range []struct {
		request Request
		want    place
	}{
		{TestStartApplication{rules.Config, "shop"}, place{"migrate": "EXITED n1", "db": "RUNNING n1", "web": "RUNNING n1", "big": "FATAL No resource available"}},
		{TestStartApplication{rules.LessLoaded, "shop"}, place{"migrate": "EXITED n1", "db": "RUNNING n1", "web": "RUNNING n2", "big": "FATAL No resource available"}},
		{TestStartApplication{rules.MostLoaded, "shop"}, place{"migrate": "EXITED n3", "db": "RUNNING n3", "web": "RUNNING n3", "big": "RUNNING n1"}},
		{TestStartProcess{rules.Local, "shop:tool"}, place{"tool": "RUNNING n1"}},
		{TestStartProcess{rules.LessLoaded, "shop:*"}, place{"tool": "RUNNING n1", "migrate": "EXITED n2", "db": "RUNNING n3", "web": "RUNNING n1",
			"big": "FATAL No resource available"}}, // by itself, migrate is up when it runs, and counts when db is placed
	} {
		l := operation(t, predictRules, nil, "shop:migrate", "shop:db", "shop:web", "shop:big", "shop:tool")
		before := l.c.View()
		l.step(Ask{ID: 1, Request: c.request})
		var list []Prediction
		for _, e := range l.effects {
			switch e := e.(type) {
			case Reply:
				list = e.Result.([]Prediction)
			case Share, Send:
				t.Errorf("%+v: %T leaks out", c.request, e)
			}
		}
		got := place{}
		for _, p := range list {
			text := p.State.String()
			for _, id := range p.Identifiers {
				text += " " + id
			}
			if p.Reason != "" {
				text += " " + p.Reason
			}
			got[p.Namespec.Process] = text
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%T %+v: %v, want %v", c.request, c.request, got, c.want)
		}
		if !slices.IsSortedFunc(list, func(a, b Prediction) int {
			if a.Namespec.Process < b.Namespec.Process {
				return -1
			}
			return 1
		}) {
			t.Errorf("%T: not sorted: %v", c.request, list)
		}
		if !reflect.DeepEqual(before, l.c.View()) || l.c.jobsBusy() {
			t.Errorf("%T has changed the cluster", c.request)
		}
	}
}

// TestPredictionOfForced: what the last start came to does not cloud the prediction of the next one.
func TestPredictionOfForced(t *testing.T) {
	l := operation(t, predictRules, nil, "shop:tool")
	ns := process.ParseNamespec("shop:tool")
	l.delta("n2", Delta{Forced: &Forced{Namespec: ns, State: process.Fatal, Reason: "No resource available", Since: 1}})
	if got := l.ask(TestStartProcess{rules.Local, "shop:tool"}); got != "[{shop:tool RUNNING  [n1]}]" {
		t.Errorf("%s", got)
	}
	if p := l.proc("shop:tool"); p.shown() != process.Fatal {
		t.Errorf("shop:tool is %s", p.shown())
	}
}

// TestPredictionComesTrue: the start does what was predicted.
func TestPredictionComesTrue(t *testing.T) {
	names := []string{"shop:migrate", "shop:db", "shop:web", "shop:big", "shop:tool"}
	for strategy := rules.Config; strategy <= rules.MostLoadedNode; strategy++ {
		l := operation(t, predictRules, nil, names...)
		l.process("n2", "shop:tool", process.Starting, process.Running, process.Stopping, process.Stopped)
		l.step(Ask{ID: 1, Request: TestStartApplication{strategy, "shop"}})
		predicted := l.effects[len(l.effects)-1].(Reply).Result.([]Prediction)
		l.step(Ask{ID: 2, Request: StartApplication{Strategy: strategy, Name: "shop"}})
		for range 3 {
			for _, e := range slices.Clone(l.effects) {
				if send, ok := e.(Send); ok {
					l.process(send.Order.To, send.Order.Namespec.String(), process.Starting, process.Running)
					if send.Order.Namespec.Process == "migrate" {
						l.process(send.Order.To, "shop:migrate", process.Exited)
						break
					}
				}
			}
		}
		for _, want := range predicted {
			p := l.proc(want.Namespec.String())
			if p.shown() != want.State || p.forced != nil && p.forced.Reason != want.Reason {
				t.Errorf("%s: %s is %s, predicted %+v", strategy, p.ns, p.shown(), want)
			}
			if p.state == process.Running && !slices.Equal(p.show(l.c.nodes).Running, want.Identifiers) {
				t.Errorf("%s: %s runs on %v, predicted %+v", strategy, p.ns, p.show(l.c.nodes).Running, want)
			}
		}
	}
}

// TestWhatIf: a start from rest, whatever runs now and with nodes away; all that speaks against a node is told, and nothing comes of it.
func TestWhatIf(t *testing.T) {
	l := operation(t, predictRules, nil, "shop:migrate", "shop:db", "shop:web", "shop:big", "shop:tool")
	l.process("n1", "shop:db", process.Starting, process.Running)
	before := l.c.View()
	ask := func(r WhatIf) (lines []string) {
		t.Helper()
		l.step(Ask{ID: 9, Request: r})
		for _, e := range l.effects {
			switch e := e.(type) {
			case Reply:
				if e.Err != nil {
					return []string{e.Err.Error()}
				}
				for _, p := range e.Result.([]Prospect) {
					line := fmt.Sprintf("%d %s %s %s %s", p.Number, p.Namespec.Process, p.State, p.Node, p.Reason)
					for _, c := range p.Choices {
						line += fmt.Sprintf(" | %s %d %s", c.Node, c.Load, c.Reason)
					}
					lines = append(lines, line)
				}
			case Share, Send:
				t.Errorf("%+v: %T leaks out", r, e)
			}
		}
		return lines
	}
	for _, c := range []struct {
		request WhatIf
		want    []string
	}{
		{WhatIf{Application: "shop", Strategy: rules.LessLoaded}, []string{
			"1 migrate EXITED n1  | n1 0  | n2 0  | n3 0 ",
			"2 db RUNNING n1  | n1 0  | n2 0  | n3 0 ",
			"2 web RUNNING n2  | n1 40  | n2 0  | n3 0 ",
			"3 big FATAL  No resource available | n1 40 load 40+70 is over 100 | n2 40 the rules do not allow it | n3 0 the rules do not allow it"}},
		{WhatIf{Application: "shop", Strategy: rules.LessLoaded, Down: []string{"n2", "n1"}}, []string{
			"1 migrate EXITED n3  | n1 0 it is STOPPED | n2 0 it is STOPPED | n3 0 ",
			"2 db RUNNING n3  | n1 0 it is STOPPED | n2 0 it is STOPPED | n3 0 ",
			"2 web RUNNING n3  | n1 0 it is STOPPED | n2 0 it is STOPPED | n3 40 ",
			"3 big FATAL  No resource available | n1 0 it is STOPPED | n2 0 the rules do not allow it | n3 80 the rules do not allow it"}},
		{WhatIf{Process: "shop:tool", Strategy: rules.LessLoaded}, []string{"0 tool RUNNING n2  | n1 40  | n2 0  | n3 0 "}},
		{WhatIf{Application: "none"}, []string{"application=none unknown to Supvisors"}},
	} {
		if got := ask(c.request); !slices.Equal(got, c.want) {
			t.Errorf("%+v:\n%s\nwant\n%s", c.request, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if !reflect.DeepEqual(before, l.c.View()) {
		t.Error("something came of it")
	}
}
