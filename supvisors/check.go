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
	seen := &warnings{out: stdout}
	if _, err := clusterOptions(context.Background(), cfg, slog.New(seen)); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(stdout, "error:", strings.TrimSpace(line))
		}
		return 2
	}
	if seen.count > 0 {
		status = max(status, 1)
	}
	return status
}

// warnings is a log handler that prints what it is told and counts it.
type warnings struct {
	out   io.Writer
	count int
}

func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.count++
	_, err := fmt.Fprintln(w.out, "warning:", r.Message)
	return err
}

func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *warnings) WithGroup(string) slog.Handler      { return w }
