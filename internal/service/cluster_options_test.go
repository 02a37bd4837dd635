package service

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

func TestChangeLogLevel(t *testing.T) {
	level := &slog.LevelVar{}
	d := newNodeDaemon(t, func(d *daemon) { d.deps.Level = level })
	for value, want := range map[any]slog.Level{
		"critical": supervisor.LevelCritical, "error": slog.LevelError, "warn": slog.LevelWarn, "debug": slog.LevelDebug,
		"trace": supervisor.LevelTrace, "blather": supervisor.LevelBlather, "INFO": slog.LevelInfo, "Info": slog.LevelInfo,
		50: supervisor.LevelCritical, 40: slog.LevelError, 30: slog.LevelWarn, 20: slog.LevelInfo, 10: slog.LevelDebug,
		5: supervisor.LevelTrace, 3: supervisor.LevelBlather,
	} {
		d.want(true, "supvisors.change_log_level", value)
		if level.Level() != want {
			t.Errorf("%v sets %v, want %v", value, level.Level(), want)
		}
	}
	level.Set(slog.LevelInfo)
	names := "['critical', 'error', 'warn', 'info', 'debug', 'trace', 'blather']"
	numbers := "[50, 40, 30, 20, 10, 5, 3]"
	for value, text := range map[any]string{
		"bad": "bad - string expected in " + names, "": " - string expected in " + names, "'info'": "'info' - string expected in " + names,
		0: "0 - integer expected in " + numbers, 4: "4 - integer expected in " + numbers,
		1.0: "1.0 type=<class 'float'> - type string or integer expected", true: "True type=<class 'bool'> - type string or integer expected",
	} {
		d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: invalid logger value="+text, "supvisors.change_log_level", value)
	}
	if level.Level() != slog.LevelInfo {
		t.Errorf("level is %v", level.Level())
	}
}

// A cluster without a log of its own changes the level of the daemon's.
func TestLogLevelOfTheDaemon(t *testing.T) {
	d := newNodeDaemon(t, nil)
	d.want(true, "supvisors.change_log_level", "error")
	d.deps.Log.Info("too little")
	d.want(true, "supvisors.change_log_level", "debug")
	d.deps.Log.Debug("enough")
	log := d.ask("supervisor.readLog", 0, 0).(string)
	if !strings.Contains(log, "DEBG enough\n") || strings.Contains(log, "too little") {
		t.Errorf("log: %s", log)
	}
}

func TestStatisticsControl(t *testing.T) {
	d := newNodeDaemon(t, nil)
	status := func(host, process bool, period float64) {
		t.Helper()
		d.want(m("host_stats", host, "process_stats", process, "collecting_period", period), "supvisors.get_statistics_status")
	}
	status(true, false, 5)
	d.want(true, "supvisors.enable_host_statistics", false)
	d.want(true, "supvisors.enable_process_statistics", true)
	status(false, true, 5)
	d.want(true, "supvisors.update_collecting_period", 7.5)
	d.want(true, "supvisors.enable_host_statistics", true)
	status(true, true, 7.5)
	d.want(true, "supvisors.update_collecting_period", 4)
	status(true, true, 4)
	for period, text := range map[any]string{0: "0", -1: "-1", 3600.5: "3600.5", 1e300: "1e+300"} {
		d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: invalid collecting_period="+text+" - seconds expected above 0, 3600 at most",
			"supvisors.update_collecting_period", period)
	}
	status(true, true, 4)
}

func TestLoggerLevels(t *testing.T) {
	newNodeDaemon(t, nil).want(m("50", "critical", "40", "error", "30", "warn", "20", "info", "10", "debug", "5", "trace", "3", "blather"), "supvisors.get_logger_levels")
}
