package clustertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rules"
)

// A story is a script for a small cluster, with what comes of each command written under it. Lines that begin with "> " are commands,
// those with # comments; what is indented is output and is written by [Tell]. The commands:
//
//	nodes n1 n2 n3                    the cluster, in the order of supvisors_list
//	machine host n1 n2                these nodes share a machine
//	stereotype blue n2 n3             these nodes have the stereotype
//	option synchro_options STRICT     an option of [rpcinterface:supvisors]; "option n3 …" for one node alone
//	rules                             the elements of a rules file follow, up to the next empty line
//	program shop:db startsecs=2 …     a program of all nodes; on=n1,n2 exits=5s code=1 fails takes=1s count=3
//	start n1 n2                       power on; before it, everything is down
//	up n1 n2                          power on and wait for OPERATION, without a word
//	run 20s                           time passes
//	kill n1, freeze n1, thaw n1       power cut; SIGSTOP and SIGCONT of the daemon
//	take n1 DRAINING                  another standing
//	partition n1 | n2 n3, heal        cables
//	clock n1 50m                      its clock is set forward, or with -50m back
//	crash n2 shop:db                  the process dies
//	local n2 start shop:db            what a user does on that node alone: start or stop
//	ask n1 start_application CONFIG shop wait
//	show, show nodes, show shop       states, Master and places, as the nodes see them
type story struct {
	cfg   Config
	world *World // nil until the first start
	names *strings.Replacer
}

// Tell plays a script and returns it with its output.
func Tell(script string) (string, error) {
	s := &story{cfg: Config{Seed: 1, Own: map[string]*cluster.Config{}, Machines: map[string]string{}, Stereotypes: map[string][]string{},
		Core: cluster.Config{Strict: true, SyncTimeout: 15 * time.Second, Conciliation: rules.ConciliationUser}}}
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(script, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		command, ok := strings.CutPrefix(line, "> ")
		if !ok {
			if !strings.HasPrefix(line, indent) {
				fmt.Fprintln(&out, line)
			}
			continue
		}
		fmt.Fprintln(&out, line)
		body := 0
		if command == "rules" {
			for i+body+1 < len(lines) && lines[i+body+1] != "" {
				body++
				fmt.Fprintln(&out, lines[i+body])
			}
		}
		shown, err := s.do(strings.Fields(command), strings.Join(lines[i+1:i+1+body], "\n"))
		if err != nil {
			return "", fmt.Errorf("line %d: %s: %w", i+1, command, err)
		}
		out.WriteString(shown)
		i += body
	}
	return out.String(), nil
}

const indent = "    "

// do carries out one command and returns its output.
func (s *story) do(words []string, body string) (string, error) {
	name, args := words[0], words[1:]
	if setup, ok := setups[name]; ok {
		if s.world != nil {
			return "", fmt.Errorf("too late: a node was started")
		}
		return "", setup(s, args, body)
	}
	act, ok := actions[name]
	if !ok {
		return "", fmt.Errorf("unknown command")
	}
	if s.world == nil {
		s.begin()
	}
	if name == "show" {
		return s.show(args)
	}
	if err := act(s.world, args); err != nil {
		return "", err
	}
	if v := s.world.Violation; v != "" {
		return "", fmt.Errorf("violation %s", v)
	}
	return s.tellLines(s.world.Lines()), nil
}

// begin makes the world, in which every node is down.
func (s *story) begin() {
	for _, own := range s.cfg.Own {
		own.Rules = s.cfg.Core.Rules
	}
	s.world = New(s.cfg)
	var pairs []string
	for _, n := range s.world.nodes {
		pairs = append(pairs, fmt.Sprintf("<%s>%s", n.id.Nick, n.id.Identifier), n.id.Nick, n.id.Identifier, n.id.Nick)
	}
	s.names = strings.NewReplacer(pairs...)
}

// sameMoment is how far apart several nodes may say the same thing in one line.
const sameMoment = 4 * time.Second

// tellLines writes what happened. What several nodes say of the same thing is one line, as long as each of them is still heard in
// its order.
func (s *story) tellLines(lines []Line) string {
	type said struct {
		Line
		by []string
	}
	var all []*said
	latest := map[string]int{} // index of the latest entry of each node
	for _, l := range lines {
		l.Text = s.names.Replace(l.Text)
		if l.Node == "" || noise(l) {
			continue
		}
		from := latest[l.Node]
		i := slices.IndexFunc(all[from:], func(e *said) bool {
			return e.Text == l.Text && l.At-e.At < sameMoment && !slices.Contains(e.by, l.Node)
		})
		if i >= 0 {
			latest[l.Node] = from + i
			all[from+i].by = append(all[from+i].by, l.Node)
			continue
		}
		latest[l.Node] = len(all)
		all = append(all, &said{l, []string{l.Node}})
	}
	var b strings.Builder
	for _, e := range all {
		slices.Sort(e.by)
		fmt.Fprintf(&b, "%s%6.1f  %s: %s\n", indent, e.At.Seconds(), strings.Join(e.by, " "), e.Text)
	}
	return b.String()
}

// noise leaves out what happens in every story: the steps of the handshake, a node that sees itself, the way of a process to its
// next lasting state.
func noise(l Line) bool {
	for _, end := range []string{" is CHECKING", " is CHECKED", " is FAILED", " is STARTING", " is STOPPING", " is BACKOFF"} {
		if strings.HasSuffix(l.Text, end) {
			return true
		}
	}
	return l.Text == "instance "+l.Node+" is RUNNING" || strings.HasPrefix(l.Text, "is asked ") || l.Text == "starts"
}
