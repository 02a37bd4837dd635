package clustertest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/supvisors/supvisors/rules"
)

// randomPrograms draws applications with their rules.
func randomPrograms(rnd *rand.Rand, nicks []string) ([]Program, *rules.Set) {
	var programs []Program
	var text strings.Builder
	text.WriteString("<root>")
	for i := range 1 + rnd.IntN(3) {
		group := fmt.Sprintf("app%d", i)
		var elements strings.Builder
		for j := range 1 + rnd.IntN(4) {
			name := fmt.Sprintf("work%d", j)
			count := 1
			if rnd.IntN(4) == 0 {
				count = 2 + rnd.IntN(2)
			}
			p := randomProgram(rnd, nicks)
			for k := range count {
				p.Group, p.Name, p.Of, p.Index = group, name, name, k
				if count > 1 {
					p.Name = fmt.Sprintf("%s_%02d", name, k)
				}
				programs = append(programs, p)
			}
			elements.WriteString(randomRules(rnd, &p, name, nicks))
		}
		if rnd.IntN(6) > 0 { // else it is not managed
			fmt.Fprintf(&text, "<application name=%q>%s%s%s%s%s<programs>%s</programs></application>", group, element("start_sequence", rnd.IntN(3)),
				element("stop_sequence", rnd.IntN(3)), element("distribution", rules.Distribution(rnd.IntN(3))),
				element("starting_strategy", rules.StartingStrategy(rnd.IntN(6))), identifiers(rnd, nicks, "*"), &elements)
		}
	}
	programs = append(programs, Program{Group: "loose", Name: "loose"})
	text.WriteString("</root>")
	set, problems := rules.Parse("random.xml", []byte(text.String()))
	for _, p := range problems {
		if !p.Warning {
			panic(fmt.Sprintf("clustertest: %s in %s", p, &text))
		}
	}
	return programs, set
}

func randomProgram(rnd *rand.Rand, nicks []string) Program {
	p := Program{StartSecs: rnd.IntN(4), StopTakes: time.Duration(rnd.Int64N(int64(9 * time.Second)))}
	switch rnd.IntN(8) {
	case 0:
		p.FailStart = true
	case 1, 2:
		p.Exits, p.ExitCode = time.Duration(1+rnd.IntN(10))*time.Second, rnd.IntN(2)
	}
	if rnd.IntN(5) == 0 {
		p.On = []string{pick(rnd, nicks...), pick(rnd, nicks...)}
	}
	return p
}

// randomRules draws the rules of a program, but for those with which it would be restarted for ever.
func randomRules(rnd *rand.Rand, p *Program, name string, nicks []string) string {
	failure := rules.RunningFailureStrategy(rnd.IntN(4))
	if (p.Exits > 0 || p.FailStart) && failure != rules.RunningFailureStopApplication {
		failure = rules.RunningFailureContinue
	}
	return fmt.Sprintf("<program pattern=%q>%s%s%s%s%s%s%s%s</program>", "^"+name, identifiers(rnd, nicks, pick(rnd, "*", "#", "@")),
		element("start_sequence", rnd.IntN(4)), element("stop_sequence", rnd.IntN(4)), element("required", rnd.IntN(3) == 0),
		element("wait_exit", p.Exits > 0 && rnd.IntN(2) == 0), element("expected_loading", rnd.IntN(60)),
		element("starting_failure_strategy", rules.StartingFailureStrategy(rnd.IntN(3))), element("running_failure_strategy", failure))
}

func identifiers(rnd *rand.Rand, nicks []string, otherwise string) string {
	if rnd.IntN(2) == 0 {
		otherwise = pick(rnd, nicks...) + "," + pick(rnd, nicks...)
	}
	return element("identifiers", otherwise)
}

func element(name string, value any) string { return fmt.Sprintf("<%s>%v</%s>", name, value, name) }
