package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
)

// check reports every problem of a configuration and its rules files: exit status 0 when all is well, 1 when there are warnings
// only, 2 when the daemon would not start.
func check(args []string, stdout, stderr io.Writer) int {
	flags, err := config.ParseFlags(args)
	var path string
	if err == nil {
		path, err = config.Find(flags)
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error:", err)
		return 2
	}
	status := 0
	warn := func(p config.Problem) {
		fmt.Fprintln(stdout, "warning:", p)
		status = max(status, 1)
	}
	cfg, err := config.Load(path, flags)
	var bad *config.Error
	if errors.As(err, &bad) {
		for _, p := range bad.Warnings {
			warn(p)
		}
		for _, p := range bad.Problems {
			fmt.Fprintln(stdout, "error:", p)
		}
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error:", err)
		return 2
	}
	for _, p := range cfg.Warnings {
		warn(p)
	}
	if cfg.Supvisors == nil {
		return status
	}
	seen := &problems{out: stdout}
	if _, err := clusterOptions(context.Background(), cfg, slog.New(seen)); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(stdout, "error:", strings.TrimSpace(line))
		}
		return 2
	}
	return max(status, seen.status)
}

// problems is a log handler that prints what is wrong and keeps the exit status that it deserves.
type problems struct {
	out    io.Writer
	status int
}

func (p *problems) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (p *problems) Handle(_ context.Context, r slog.Record) error {
	word, status := "warning:", 1
	if r.Level >= slog.LevelError {
		word, status = "error:", 2
	}
	p.status = max(p.status, status)
	_, err := fmt.Fprintln(p.out, word, r.Message)
	return err
}

func (p *problems) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p *problems) WithGroup(string) slog.Handler      { return p }
