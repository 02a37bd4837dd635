package supervisor

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestActivityLines(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"plain", func(l *slog.Logger) { l.Info("spawned: 'p' with pid 12") }, "INFO spawned: 'p' with pid 12"},
		{"critical", func(l *slog.Logger) { l.Log(t.Context(), LevelCritical, "m") }, "CRIT m"},
		{"error", func(l *slog.Logger) { l.Error("m") }, "ERRO m"},
		{"warn", func(l *slog.Logger) { l.Warn("m") }, "WARN m"},
		{"debug", func(l *slog.Logger) { l.Debug("m") }, "DEBG m"},
		{"trace", func(l *slog.Logger) { l.Log(t.Context(), LevelTrace, "m") }, "TRAC m"},
		{"blather", func(l *slog.Logger) { l.Log(t.Context(), LevelBlather, "m") }, "BLAT m"},
		{"between", func(l *slog.Logger) { l.Log(t.Context(), slog.LevelWarn+1, "m") }, "WARN m"},
		{"above", func(l *slog.Logger) { l.Log(t.Context(), 99, "m") }, "CRIT m"},
		{"attributes", func(l *slog.Logger) { l.Info("peer lost", "peer", "10.0.0.1:60000", "after", 3*time.Second, "n", 4) },
			"INFO peer lost peer=10.0.0.1:60000 after=3s n=4"},
		{"quoted", func(l *slog.Logger) {
			l.Info("m", "a", "x y", "b", "", "c", "l1\nl2", "d", `q"`, "e", errors.New("k=v"))
		},
			`INFO m a="x y" b="" c="l1\nl2" d="q\"" e="k=v"`},
		{"with", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).Info("m", "c", 3) }, "INFO m a=1 g.b=2 g.c=3"},
		{"group", func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, "b", 2), slog.Attr{}) }, "INFO m g.a=1 g.b=2"},
		{"lines of a child stay lines", func(l *slog.Logger) { l.Debug("'p' stdout output:\nmarker\n") }, "DEBG 'p' stdout output:\nmarker\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.log(slog.New(NewActivityHandler(LevelBlather, &out)))
			line, ok := strings.CutSuffix(out.String(), "\n")
			stamp, rest := line[:min(24, len(line))], line[min(24, len(line)):]
			if !ok || rest != c.want || !regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} $`).MatchString(stamp) {
				t.Errorf("got %q, want a time and %q", out.String(), c.want)
			}
		})
	}
}

func TestActivityTimeIsLocalWithMilliseconds(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, 11, 21, 4, 57, 46, 123_999_999, time.Local)
	r := slog.NewRecord(at.UTC(), slog.LevelInfo, "m", 0)
	if err := NewActivityHandler(slog.LevelInfo, &out).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "2026-11-21 04:57:46,123 INFO m\n" {
		t.Errorf("got %q", got)
	}
}

func TestActivityLevelFilters(t *testing.T) {
	for i, l := range levels {
		var out bytes.Buffer
		logger := slog.New(NewActivityHandler(l.level, &out))
		for _, other := range levels {
			logger.Log(t.Context(), other.level, "m")
		}
		if got := strings.Count(out.String(), "\n"); got != i+1 {
			t.Errorf("at loglevel %s: %d lines of %d, want %d", l.tag, got, len(levels), i+1)
		}
	}
}

// failing is a console that went away.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestActivityWriterThatFailsKeepsNobodyWaiting(t *testing.T) {
	var out bytes.Buffer
	h := NewActivityHandler(slog.LevelInfo, failing{}, &out)
	if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)); err == nil {
		t.Error("the error is not told")
	}
	if !strings.HasSuffix(out.String(), "INFO m\n") {
		t.Errorf("the second writer got %q", out.String())
	}
}
