package supervisor

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
)

// The levels of Supervisor that slog does not have.
const (
	LevelCritical = process.LevelCritical
	LevelTrace    = slog.Level(-8)
	LevelBlather  = slog.Level(-12)
)

// levels are Supervisor's levels, the most severe first, with the tags of log lines.
var levels = [...]struct {
	level slog.Level
	tag   string
}{
	{LevelCritical, "CRIT"},
	{slog.LevelError, "ERRO"},
	{slog.LevelWarn, "WARN"},
	{slog.LevelInfo, "INFO"},
	{slog.LevelDebug, "DEBG"},
	{LevelTrace, "TRAC"},
	{LevelBlather, "BLAT"},
}

// tag returns the four letters of the level, or of the next lower one that has a name.
func tag(level slog.Level) string {
	for _, l := range levels {
		if level >= l.level {
			return l.tag
		}
	}
	return levels[len(levels)-1].tag
}

// ActivityHandler writes records as lines of Supervisor's activity log:
//
//	2026-11-21 04:57:46,123 INFO spawned: 'p' with pid 12
//
// Attributes follow the message as key=value. A line is one Write to each of the writers, in local time.
type ActivityHandler struct {
	level  slog.Leveler
	out    []io.Writer
	attrs  string // rendered attributes of WithAttrs
	prefix string // open groups, "a.b."
}

// NewActivityHandler returns a handler for records of that level and above.
func NewActivityHandler(level slog.Leveler, out ...io.Writer) *ActivityHandler {
	return &ActivityHandler{level: level, out: out}
}

// Enabled implements slog.Handler.
func (h *ActivityHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler. A writer that fails does not keep the others from the line.
func (h *ActivityHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Time.Local().Format("2006-01-02 15:04:05,000 "))
	b.WriteString(tag(r.Level))
	b.WriteByte(' ')
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	line := []byte(b.String())
	var first error
	for _, w := range h.out {
		if _, err := w.Write(line); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// WithAttrs implements slog.Handler.
func (h *ActivityHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	with := *h
	with.attrs = b.String()
	return &with
}

// WithGroup implements slog.Handler.
func (h *ActivityHandler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.prefix += name + "."
	}
	return &with
}

// appendAttr writes " key=value"; a value that would be ambiguous in a line is quoted.
func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			appendAttr(b, prefix, inner)
		}
		return
	}
	if a.Key == "" {
		return
	}
	text := v.String()
	if text == "" || strings.ContainsAny(text, " =\"\\") || strconv.Quote(text) != `"`+text+`"` {
		text = strconv.Quote(text)
	}
	fmt.Fprintf(b, " %s%s=%s", prefix, a.Key, text)
}
