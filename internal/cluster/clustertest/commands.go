package clustertest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rules"
)

// setups are the commands of a story that describe the cluster.
var setups = map[string]func(s *story, args []string, body string) error{
	"nodes": func(s *story, args []string, _ string) error {
		s.cfg.Nodes = args
		return nil
	},
	"machine": func(s *story, args []string, _ string) error {
		for _, nick := range args[1:] {
			s.cfg.Machines[nick] = args[0]
		}
		return nil
	},
	"stereotype": func(s *story, args []string, _ string) error {
		for _, nick := range args[1:] {
			s.cfg.Stereotypes[nick] = append(s.cfg.Stereotypes[nick], args[0])
		}
		return nil
	},
	"option":  (*story).option,
	"program": (*story).program,
	"rules": func(s *story, _ []string, body string) error {
		set, problems := rules.Parse("rules.xml", []byte("<root>\n"+body+"\n</root>"))
		if len(problems) > 0 {
			return fmt.Errorf("%v", problems)
		}
		s.cfg.Core.Rules = set
		return nil
	},
}

// actions are the commands of a story that make something happen. show is carried out apart.
var actions = map[string]func(w *World, args []string) error{
	"run": func(w *World, args []string) error {
		d, err := time.ParseDuration(args[0])
		w.Run(d)
		return err
	},
	"start":  eachNode((*Node).Start),
	"up":     bringUp,
	"kill":   eachNode((*Node).Kill),
	"freeze": eachNode((*Node).Freeze),
	"thaw":   eachNode((*Node).Thaw),
	"take": func(w *World, args []string) error {
		s, err := cluster.ParseStanding(args[1])
		w.Node(args[0]).Take(s)
		return err
	},
	"partition": func(w *World, args []string) error {
		var sides [][]string
		for _, side := range strings.Split(strings.Join(args, " "), "|") {
			sides = append(sides, strings.Fields(side))
		}
		w.Partition(sides...)
		return nil
	},
	"heal": func(w *World, _ []string) error {
		w.Heal()
		return nil
	},
	"clock": func(w *World, args []string) error {
		d, err := time.ParseDuration(args[1])
		w.Node(args[0]).Jump(d)
		return err
	},
	"crash": func(w *World, args []string) error {
		w.Node(args[0]).Crash(args[1])
		return nil
	},
	"local": func(w *World, args []string) error {
		if args[1] == "start" {
			w.Node(args[0]).StartLocal(args[2])
		} else {
			w.Node(args[0]).StopLocal(args[2])
		}
		return nil
	},
	"ask": func(w *World, args []string) error {
		r, err := request(args[1:])
		if err == nil {
			w.Node(args[0]).Ask(r)
		}
		return err
	},
	"show": nil,
}

// bringUp starts nodes and waits until they are in OPERATION. What they say is left out.
func bringUp(w *World, args []string) error {
	if err := eachNode((*Node).Start)(w, args); err != nil {
		return err
	}
	ready := func(nick string) bool { return w.Node(nick).modes.State == cluster.Operation }
	for range 120 {
		w.Run(500 * time.Millisecond)
		if !slices.ContainsFunc(args, func(nick string) bool { return !ready(nick) }) {
			w.Lines()
			return nil
		}
	}
	return fmt.Errorf("not in OPERATION after a minute")
}

func eachNode(f func(*Node)) func(*World, []string) error {
	return func(w *World, args []string) error {
		for _, nick := range args {
			f(w.Node(nick))
		}
		return nil
	}
}

// program reads "group:name key=value …".
func (s *story) program(args []string, _ string) error {
	group, name, ok := strings.Cut(args[0], ":")
	p := Program{Group: group, Name: cmp.Or(name, group)}
	count := 0
	var err error
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "on":
			p.On = strings.Split(value, ",")
		case "startsecs":
			p.StartSecs, err = strconv.Atoi(value)
		case "exits":
			p.Exits, err = time.ParseDuration(value)
		case "code":
			p.ExitCode, err = strconv.Atoi(value)
		case "fails":
			p.FailStart = true
		case "takes":
			p.StopTakes, err = time.ParseDuration(value)
		case "count":
			count, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		if err != nil {
			return err
		}
	}
	if count == 0 || !ok {
		s.cfg.Programs = append(s.cfg.Programs, p)
	}
	for i := range count {
		q := p
		q.Of, q.Index, q.Name = name, i, fmt.Sprintf("%s_%02d", name, i)
		s.cfg.Programs = append(s.cfg.Programs, q)
	}
	return nil
}

// option reads "[node] name value" with the names of [rpcinterface:supvisors]. The first option of its own gives a node a copy of the
// common ones.
func (s *story) option(args []string, _ string) error {
	cfg := &s.cfg.Core
	if nick := args[0]; slices.Contains(s.cfg.Nodes, nick) {
		args = args[1:]
		if cfg = s.cfg.Own[nick]; cfg == nil {
			cfg = new(s.cfg.Core)
			s.cfg.Own[nick] = cfg
		}
	}
	if len(args) != 2 {
		return fmt.Errorf("a name and a value are wanted")
	}
	set, ok := options[args[0]]
	if !ok {
		return fmt.Errorf("unknown option %q", args[0])
	}
	return set(cfg, args[1])
}

var options = map[string]func(cfg *cluster.Config, value string) error{
	"synchro_options": func(cfg *cluster.Config, value string) error {
		cfg.Sync = cluster.SyncOptions{}
		for _, name := range strings.Split(value, ",") {
			o, err := rules.ParseSyncOption(name)
			if err != nil {
				return err
			}
			cfg.Sync[o] = true
		}
		return nil
	},
	"synchro_timeout": func(cfg *cluster.Config, value string) (err error) {
		cfg.SyncTimeout, err = time.ParseDuration(value + "s")
		return err
	},
	"core_identifiers": func(cfg *cluster.Config, value string) error {
		cfg.Core = strings.Split(value, ",")
		return nil
	},
	"auto_fence": func(cfg *cluster.Config, value string) (err error) {
		cfg.AutoFence, err = strconv.ParseBool(value)
		return err
	},
	"discovery_mode": func(cfg *cluster.Config, value string) (err error) {
		cfg.Discovery, err = strconv.ParseBool(value)
		return err
	},
	"strict_consistency": func(cfg *cluster.Config, value string) (err error) {
		cfg.Strict, err = strconv.ParseBool(value)
		return err
	},
	"supvisors_failure_strategy": func(cfg *cluster.Config, value string) (err error) {
		cfg.Failure, err = rules.ParseFailureStrategy(value)
		return err
	},
	"starting_strategy": func(cfg *cluster.Config, value string) (err error) {
		cfg.Starting, err = rules.ParseStartingStrategy(value)
		return err
	},
	"conciliation_strategy": func(cfg *cluster.Config, value string) (err error) {
		cfg.Conciliation, err = rules.ParseConciliationStrategy(value)
		return err
	},
	"wait_exit_limit": func(cfg *cluster.Config, value string) (err error) {
		cfg.WaitExitLimit, err = time.ParseDuration(value + "s")
		return err
	},
}

// request reads a request as a client of XML-RPC would put it; "wait" at its end waits for the job.
func request(args []string) (cluster.Request, error) {
	wait := args[len(args)-1] == "wait"
	if wait {
		args = args[:len(args)-1]
	}
	var strategy rules.StartingStrategy
	if len(args) > 1 {
		if s, err := rules.ParseStartingStrategy(args[1]); err == nil {
			strategy = s
			args = slices.Delete(slices.Clone(args), 1, 2)
		}
	}
	what := strings.Join(args[1:], " ")
	switch args[0] {
	case "start_application":
		return cluster.StartApplication{Strategy: strategy, Name: what, Wait: wait}, nil
	case "stop_application":
		return cluster.StopApplication{Name: what, Wait: wait}, nil
	case "restart_application":
		return cluster.RestartApplication{Strategy: strategy, Name: what, Wait: wait}, nil
	case "start_process":
		return cluster.StartProcesses{Strategy: strategy, Namespec: what, Wait: wait}, nil
	case "stop_process":
		return cluster.StopProcesses{Namespec: what, Wait: wait}, nil
	case "restart_process":
		return cluster.RestartProcesses{Strategy: strategy, Namespec: what, Wait: wait}, nil
	case "start_any_process":
		re, err := regexp.Compile(what)
		if err != nil {
			return nil, err
		}
		return cluster.StartAny{Strategy: strategy, Regex: what, Match: re.MatchString, Wait: wait}, nil
	case "test_start_application":
		return cluster.TestStartApplication{Strategy: strategy, Name: what}, nil
	case "test_start_process":
		return cluster.TestStartProcess{Strategy: strategy, Namespec: what}, nil
	case "restart_sequence":
		return cluster.RestartSequence{Wait: wait}, nil
	case "end_sync":
		return cluster.EndSync{Master: what}, nil
	case "restart":
		return cluster.Restart{}, nil
	case "shutdown":
		return cluster.Shutdown{}, nil
	case "conciliate":
		s, err := rules.ParseConciliationStrategy(what)
		return cluster.Conciliate{Strategy: s}, err
	}
	return nil, fmt.Errorf("unknown request %q", args[0])
}
