package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// explain prints the rules that hold for a process, and what has decided each of them.
func explain(out io.Writer, cfg *config.Config, set *rules.Set, name process.Namespec) {
	starting := rules.Config
	if cfg.Supvisors != nil {
		starting = cfg.Supvisors.Starting
	}
	e := set.Explain(name.Group, name.Process, starting)
	fmt.Fprintf(out, "%s:%s\n", name.Group, name.Process)
	if names, ok := processes(cfg)[name.Group]; !ok || !slices.Contains(names, name.Process) {
		fmt.Fprintln(out, "  is not defined by this configuration")
	}
	if e.Application == (rules.Source{}) {
		fmt.Fprintf(out, "application %s: no element applies, it is not managed\n", name.Group)
	} else {
		fmt.Fprintf(out, "application %s: %s: %s\n", name.Group, e.Application, e.Application.Name)
		tellDecisions(out, e.ApplicationRules)
	}
	if len(e.Program) == 0 {
		fmt.Fprintf(out, "process %s: no element applies\n", name.Process)
	}
	for i, source := range e.Program {
		what := "process " + name.Process
		if i > 0 {
			what = "referring to"
		}
		fmt.Fprintf(out, "%s: %s: %s\n", what, source, source.Name)
	}
	tellDecisions(out, e.ProgramRules)
	for _, note := range e.Notes {
		fmt.Fprintf(out, "note: %s\n", note)
	}
}

func tellDecisions(out io.Writer, decisions []rules.Decision) {
	for _, d := range decisions {
		by := d.By
		if d.Source != (rules.Source{}) {
			by += " at " + d.Source.String()
		}
		value := strings.Join(strings.Fields(d.Value), " ")
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(out, "  %-25s  %-20s  %s\n", d.Rule, value, by)
	}
}
