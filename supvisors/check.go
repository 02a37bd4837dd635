package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

const checkUsage = `supvisors check -- say what is wrong with a configuration and its rules files; nothing is started.

Usage: supvisors check [-c FILENAME] [--rule NAMESPEC] [options of the daemon]

-c/--configuration FILENAME -- the configuration file (looked for in well-known places if not given)
--rule NAMESPEC -- print the rules that hold for a process, group:process, and what has decided each of them
-h/--help -- print this text and exit

Each problem is a line on the standard output, an error or a warning with file:line. Elements of the rules files that apply to no
group and no process of this configuration, and names that are no node of supvisors_list, no alias and no stereotype of this node, are
warned of too when the node is alone; when there are others, which may have them, they are notes.

Exit status:
0 -- all is well, but for notes
1 -- there are warnings only
2 -- the daemon would not start, or would not apply the rules files
`

// check reports every problem of a configuration and its rules files. checkUsage says what it prints and returns.
func check(args []string, stdout, stderr io.Writer) int {
	rule, args, err := ruleFlag(args)
	var flags config.Flags
	if err == nil {
		flags, err = config.ParseFlags(args)
	}
	if err == nil && flags.Help {
		fmt.Fprint(stdout, checkUsage)
		return 0
	}
	var path string
	if err == nil {
		path, err = config.Find(flags)
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error:", err)
		return 2
	}
	p := &problems{out: stdout}
	cfg := p.load(path, flags)
	if cfg == nil {
		return p.status
	}
	var options cluster.Config
	if cfg.Supvisors != nil {
		options = p.cluster(cfg)
	}
	if rule != "" && p.status < 2 {
		explain(stdout, cfg, options.Rules, process.ParseNamespec(rule))
	}
	return p.status
}

// ruleFlag takes --rule out of the arguments.
func ruleFlag(args []string) (rule string, rest []string, err error) {
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if name != "--rule" {
			continue
		}
		rest = slices.Clone(args[:i])
		if args = args[i+1:]; !ok && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		if n := process.ParseNamespec(value); n.Group == "" || n.Process == "" {
			return "", nil, fmt.Errorf("--rule wants a process, as group:process")
		}
		return value, append(rest, args...), nil
	}
	return "", args, nil
}

// problems prints what is wrong and keeps the exit status that it deserves. As a log handler it prints what is logged.
type problems struct {
	out    io.Writer
	status int
}

func (p *problems) tell(level slog.Level, problem string) {
	word, status := "note:", 0
	switch {
	case level >= slog.LevelError:
		word, status = "error:", 2
	case level >= slog.LevelWarn:
		word, status = "warning:", 1
	}
	p.status = max(p.status, status)
	fmt.Fprintln(p.out, word, problem)
}

// load returns the configuration, nil when it cannot be used.
func (p *problems) load(path string, flags config.Flags) *config.Config {
	cfg, err := loadConfig(path, flags)
	var bad *config.Error
	switch {
	case errors.As(err, &bad):
		p.warn(bad.Warnings)
		for _, problem := range bad.Problems {
			p.tell(slog.LevelError, problem.String())
		}
		return nil
	case err != nil:
		p.tell(slog.LevelError, err.Error())
		return nil
	}
	p.warn(cfg.Warnings)
	return cfg
}

func (p *problems) warn(warnings []config.Problem) {
	for _, w := range warnings {
		p.tell(slog.LevelWarn, w.String())
	}
}

// cluster checks what the node would take part with.
func (p *problems) cluster(cfg *config.Config) cluster.Config {
	read, err := rulesReader(cfg)
	if err != nil {
		p.tell(slog.LevelError, err.Error())
	}
	set, _ := loadRules(cfg.Supvisors.RulesFiles, read, slog.New(p))
	options, err := clusterOptions(context.Background(), cfg, set, slog.New(p))
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			p.tell(slog.LevelError, cfg.SupvisorsProblem("supvisors_list", strings.TrimSpace(line)).String())
		}
		return options
	}
	known := func(name string) bool {
		return slices.Contains(cfg.Supvisors.Stereotypes, name) || slices.ContainsFunc(options.Instances, func(id cluster.Identity) bool {
			return name == id.Identifier || name == id.Nick
		})
	}
	p.warn(cfg.UnknownCoreIdentifiers(known))
	level := slog.LevelWarn
	if len(options.Instances) > 1 || options.Discovery { // other nodes may have what is missing here
		level = slog.LevelInfo
	}
	for _, problem := range slices.Concat(options.Rules.UnknownNames(known), options.Rules.Unused(processes(cfg))) {
		problem.Warning = false // tell says it
		p.tell(level, problem.String())
	}
	return options
}

// processes returns the names of the processes of each group.
func processes(cfg *config.Config) map[string][]string {
	all := map[string][]string{}
	for _, group := range cfg.Groups {
		all[group.Name] = nil
		for _, spec := range group.Specs {
			all[group.Name] = append(all[group.Name], spec.Name)
		}
	}
	return all
}

// Enabled, Handle, WithAttrs and WithGroup make the log of clusterOptions a list of problems.
func (p *problems) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (p *problems) Handle(_ context.Context, r slog.Record) error {
	p.tell(r.Level, r.Message)
	return nil
}

func (p *problems) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p *problems) WithGroup(string) slog.Handler      { return p }
