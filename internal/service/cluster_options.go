package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// optionMethods returns the rows that change options of this instance while it runs.
func (s *supvisors) optionMethods() []rpc.Method {
	enabled := func(name, doc string) rpc.Param { return rpc.Param{Name: name, Kind: rpc.Boolean, Doc: doc} }
	return []rpc.Method{
		{Name: "supvisors.change_log_level", Doc: "Change the level of the log of this instance.", Access: rpc.Admin,
			Params: []rpc.Param{{Name: "level_param", Kind: rpc.Any, Word: "string", Doc: "the level, by name or number"}},
			Result: always, Fn: s.changeLogLevel},
		{Name: "supvisors.get_statistics_status", Doc: "Get which statistics this instance collects.",
			Result: rpc.Result{Kind: rpc.Struct, Doc: "what is collected, and the period in seconds", Type: StatisticsStatus{}},
			Fn: func(context.Context, rpc.Args) (any, error) {
				return StatisticsStatus{Period: s.deps.CollectingPeriod.Seconds()}, nil
			}},
		{Name: "supvisors.enable_host_statistics", Doc: "Begin or end to collect the statistics of the host.", Access: rpc.Admin,
			Params: []rpc.Param{enabled("enable_host", "whether to collect them")}, Result: always, Fn: notCollected},
		{Name: "supvisors.enable_process_statistics", Doc: "Begin or end to collect the statistics of the processes.", Access: rpc.Admin,
			Params: []rpc.Param{enabled("enable_process", "whether to collect them")}, Result: always, Fn: notCollected},
		{Name: "supvisors.update_collecting_period", Doc: "Change the period of the statistics.", Access: rpc.Admin,
			Params: []rpc.Param{{Name: "collecting_period", Kind: rpc.Double, Doc: "seconds between two samples"}}, Result: always, Fn: notCollected},
	}
}

// StatisticsStatus is the answer of get_statistics_status.
type StatisticsStatus struct {
	Host    bool    `xmlrpc:"host_stats"`
	Process bool    `xmlrpc:"process_stats"`
	Period  float64 `xmlrpc:"collecting_period"`
}

// notCollected is what Supvisors answers where its collector is missing.
func notCollected(context.Context, rpc.Args) (any, error) {
	return nil, rpc.NewFault(rpc.NotInstalled, "psutil not installed")
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
	invalid := fmt.Sprintf("invalid logger value=%v", v)
	var found int
	switch v := v.(type) {
	case string:
		invalid += " - string expected in [" + strings.Join(names, ", ") + "]"
		found = slices.Index(names, "'"+strings.ToLower(v)+"'")
	case int:
		invalid += " - integer expected in [" + strings.Join(numbers, ", ") + "]"
		found = slices.Index(numbers, strconv.Itoa(v))
	default:
		invalid += fmt.Sprintf(" type=%T - type string or integer expected", v)
		found = -1
	}
	if found < 0 {
		return 0, rpc.NewFault(rpc.IncorrectParameters, invalid)
	}
	return logLevels[found].level, nil
}
