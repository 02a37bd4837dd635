package cluster

import (
	"slices"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// TestRulesChange: other rules count at once, for the loads of what runs and for what is started then.
func TestRulesChange(t *testing.T) {
	parse := func(text string) *rules.Set {
		set, problems := rules.Parse("rules.xml", []byte("<root>"+text+"</root>"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return set
	}
	l := operation(t, `<application name="shop"><programs>
		<program name="db"><expected_loading>30</expected_loading></program>
		<program pattern="work_"><identifiers>#</identifiers></program></programs></application>`, nil, "shop:db", "shop:work_0", "loose")
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.ask(StartProcesses{Namespec: "shop:work_0"})
	l.wantOrders("start_process shop:work_0 on n1")
	l.process("n1", "shop:work_0", process.Starting, process.Running, process.Stopping, process.Stopped)
	l.step(LocalRules{parse(`<application name="shop"><programs>
		<program name="db"><expected_loading>70</expected_loading><running_failure_strategy>RESTART_APPLICATION</running_failure_strategy></program>
		<program pattern="work_"><identifiers>n3</identifiers></program></programs></application>
		<application name="loose"/>`)})
	if got := l.c.View().Instance("n2").Load; got != 70 {
		t.Errorf("n2 has load %d", got)
	}
	if !slices.Contains(l.effects, Effect(DisableAutorestart{process.ParseNamespec("shop:db")})) {
		t.Errorf("effects %v", l.effects)
	}
	if !l.c.View().Application("loose").Rules.Managed {
		t.Error("loose is not managed")
	}
	l.ask(StartProcesses{Namespec: "shop:work_0"})
	l.wantOrders("start_process shop:work_0 on n3")
	l.step(LocalRules{})
	if v := l.c.View(); v.Application("shop").Rules.Managed || v.Instance("n2").Load != 0 {
		t.Errorf("without rules: managed %v, load %d", v.Application("shop").Rules.Managed, v.Instance("n2").Load)
	}
	checkLoads(t, l.c)
}
