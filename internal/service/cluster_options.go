package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// optionMethods returns the rows that change options of this instance while it runs.
func (s *supvisors) optionMethods() []rpc.Method {
	enabled := func(name, doc string) rpc.Param { return rpc.Param{Name: name, Kind: rpc.Boolean, Doc: doc} }
	return []rpc.Method{
		{Name: "supvisors.change_log_level", Doc: "Change the level of the log of this instance.", Access: rpc.Admin,
			Params: []rpc.Param{{Name: "level_param", Kind: rpc.Any, Word: "string", Values: levelNames(), Doc: "the level, by name or number"}},
			Result: always, Fn: s.changeLogLevel},
		{Name: "supvisors.get_logger_levels", Doc: "Get the levels of logs.",
			Result: rpc.Result{Kind: rpc.Struct, Doc: "the name of each number", Type: rpc.Map(nil)},
			Fn: func(context.Context, rpc.Args) (any, error) {
				levels := rpc.Map{}
				for _, l := range logLevels {
					levels = append(levels, rpc.Member{Name: strconv.Itoa(l.number), Value: l.name})
				}
				return levels, nil
			}},
		{Name: "supvisors.get_statistics_status", Doc: "Get which statistics this instance collects.",
			Result: rpc.Result{Kind: rpc.Struct, Doc: "what is collected, and the period in seconds", Type: StatisticsStatus{}},
			Fn: func(context.Context, rpc.Args) (any, error) {
				now := s.deps.Statistics.Status()
				return StatisticsStatus{Host: now.Host, Process: now.Process, Period: now.Period.Seconds()}, nil
			}},
		{Name: "supvisors.enable_host_statistics", Doc: "Begin or end to collect the statistics of the host.", Access: rpc.Admin,
			Params: []rpc.Param{enabled("enable_host", "whether to collect them")}, Result: always,
			Fn: func(_ context.Context, a rpc.Args) (any, error) {
				s.deps.Statistics.EnableHost(a.Bool(0))
				return true, nil
			}},
		{Name: "supvisors.enable_process_statistics", Doc: "Begin or end to collect the statistics of the processes.", Access: rpc.Admin,
			Params: []rpc.Param{enabled("enable_process", "whether to collect them")}, Result: always,
			Fn: func(_ context.Context, a rpc.Args) (any, error) {
				s.deps.Statistics.EnableProcess(a.Bool(0))
				return true, nil
			}},
		{Name: "supvisors.update_collecting_period", Doc: "Change the period of the statistics.", Access: rpc.Admin,
			Params: []rpc.Param{{Name: "collecting_period", Kind: rpc.Double, Doc: "seconds between two samples"}}, Result: always, Fn: s.updatePeriod},
	}
}

// StatisticsStatus is the answer of get_statistics_status.
type StatisticsStatus struct {
	Host    bool    `xmlrpc:"host_stats"`
	Process bool    `xmlrpc:"process_stats"`
	Period  float64 `xmlrpc:"collecting_period"`
}

// maxPeriod is the longest collecting period that is taken, in seconds: the range of stats_collecting_period.
const maxPeriod = 3600

func (s *supvisors) updatePeriod(_ context.Context, a rpc.Args) (any, error) {
	period := a.Float(0)
	if !(period > 0 && period <= maxPeriod) { // not a number is neither
		return nil, rpc.NewFault(rpc.IncorrectParameters, fmt.Sprintf("invalid collecting_period=%v - seconds expected above 0, %d at most",
			period, maxPeriod))
	}
	s.deps.Statistics.SetPeriod(time.Duration(period * float64(time.Second)))
	return true, nil
}

// logLevels are the levels of Supervisor's logs with their numbers, the most severe first.
var logLevels = []struct {
	name   string
	number int
	level  slog.Level
}{
	{"critical", 50, supervisor.LevelCritical},
	{"error", 40, slog.LevelError},
	{"warn", 30, slog.LevelWarn},
	{"info", 20, slog.LevelInfo},
	{"debug", 10, slog.LevelDebug},
	{"trace", 5, supervisor.LevelTrace},
	{"blather", 3, supervisor.LevelBlather},
}

func levelNames() (names []string) {
	for _, l := range logLevels {
		names = append(names, l.name)
	}
	return names
}

func (s *supvisors) changeLogLevel(ctx context.Context, a rpc.Args) (any, error) {
	level, err := logLevel(a.Value(0))
	if err != nil {
		return nil, err
	}
	s.deps.Level.Set(level)
	s.deps.Log.Log(ctx, slog.LevelWarn, "log level changed", "level", a.Value(0))
	return true, nil
}

// logLevel reads a level given by name, in any case, or by number, with Supvisors' words for what it refuses.
func logLevel(v any) (slog.Level, error) {
	var names, numbers []string
	for _, l := range logLevels {
		names = append(names, "'"+l.name+"'")
		numbers = append(numbers, strconv.Itoa(l.number))
	}
	text, class := inPython(v)
	invalid := "invalid logger value=" + text
	var found int
	switch v := v.(type) {
	case string:
		invalid += " - string expected in [" + strings.Join(names, ", ") + "]"
		found = slices.Index(names, "'"+strings.ToLower(v)+"'")
	case int:
		invalid += " - integer expected in [" + strings.Join(numbers, ", ") + "]"
		found = slices.Index(numbers, strconv.Itoa(v))
	default:
		invalid += " type=" + class + " - type string or integer expected"
		found = -1
	}
	if found < 0 {
		return 0, rpc.NewFault(rpc.IncorrectParameters, invalid)
	}
	return logLevels[found].level, nil
}
