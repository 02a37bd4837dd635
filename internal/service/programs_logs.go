package service

import (
	"context"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

var (
	offsetParam = rpc.Param{Name: "offset", Kind: rpc.Int, Doc: "first byte; negative: how many bytes before the end"}
	lengthParam = rpc.Param{Name: "length", Kind: rpc.Int, Doc: "number of bytes; 0: all"}
	logText     = rpc.Result{Kind: rpc.String, Doc: "the text of the log", Type: ""}
)

// logMethods returns the rows about logs. Each of Supervisor's older names is a row of its own.
func (p *programs) logMethods() []rpc.Method {
	stdout, stderr := p.processLogMethods(event.Stdout), p.processLogMethods(event.Stderr)
	window := []rpc.Param{offsetParam, lengthParam}
	rows := []rpc.Method{
		{Name: "supervisor.readLog", Doc: "Read a part of the activity log.", Params: window, Result: logText, Fn: p.readMainLog},
		{Name: "supervisor.readMainLog", Doc: "The same as readLog, for old clients.", Params: window, Result: logText, Fn: p.readMainLog},
		{Name: "supervisor.clearLog", Doc: "Start the activity log anew.", Access: rpc.Admin, Result: always, Fn: p.clearMainLog},
		{Name: "supervisor.readProcessStdoutLog", Doc: "Read a part of the stdout log of a process.", Params: stdout.params, Result: logText, Fn: stdout.read},
		{Name: "supervisor.readProcessLog", Doc: "The same as readProcessStdoutLog, for old clients.", Params: stdout.params, Result: logText, Fn: stdout.read},
		{Name: "supervisor.readProcessStderrLog", Doc: "Read a part of the stderr log of a process.", Params: stderr.params, Result: logText, Fn: stderr.read},
		{Name: "supervisor.tailProcessStdoutLog", Doc: "Read what is new at the end of the stdout log of a process.", Params: stdout.params, Result: stdout.tailed, Fn: stdout.tail},
		{Name: "supervisor.tailProcessLog", Doc: "The same as tailProcessStdoutLog, for old clients.", Params: stdout.params, Result: stdout.tailed, Fn: stdout.tail},
		{Name: "supervisor.tailProcessStderrLog", Doc: "Read what is new at the end of the stderr log of a process.", Params: stderr.params, Result: stderr.tailed, Fn: stderr.tail},
		{Name: "supervisor.clearProcessLogs", Doc: "Empty both logs of a process.", Access: rpc.Act, Params: []rpc.Param{nameParam}, Result: always, Fn: p.clearLogs},
		{Name: "supervisor.clearProcessLog", Doc: "The same as clearProcessLogs, for old clients.", Access: rpc.Act, Params: []rpc.Param{nameParam}, Result: always, Fn: p.clearLogs},
		{Name: "supervisor.clearAllProcessLogs", Doc: "Empty the logs of all processes.", Access: rpc.Act, Result: results,
			Fn: func(ctx context.Context, _ rpc.Args) (any, error) {
				list, err := p.sup.ClearAllLogs(ctx)
				return processResults("", list, err)
			}},
	}
	return rows
}

func (p *programs) readMainLog(_ context.Context, a rpc.Args) (any, error) {
	data, err := p.sup.ReadMainLog(int64(a.Int(0)), int64(a.Int(1)))
	return string(data), err
}

// clearLogs cannot tell more than the name when a file cannot be emptied.
func (p *programs) clearLogs(ctx context.Context, a rpc.Args) (any, error) {
	return true, about(a.String(0), p.sup.ClearLogs(ctx, process.ParseNamespec(a.String(0))))
}

// channelLog is what the rows about one output channel share.
type channelLog struct {
	params     []rpc.Param
	tailed     rpc.Result
	read, tail function
}

func (p *programs) processLogMethods(c event.Channel) channelLog {
	return channelLog{
		params: []rpc.Param{nameParam, offsetParam, lengthParam},
		tailed: rpc.Result{Kind: rpc.Array, Doc: "the text, the next offset, and whether there was more than length bytes", Type: []any(nil)},
		read: func(_ context.Context, a rpc.Args) (any, error) {
			data, err := p.sup.ReadLog(process.ParseNamespec(a.String(0)), c, int64(a.Int(1)), int64(a.Int(2)))
			return string(data), about(a.String(0), err)
		},
		tail: func(_ context.Context, a rpc.Args) (any, error) {
			data, next, overflow, err := p.sup.TailLog(process.ParseNamespec(a.String(0)), c, int64(a.Int(1)), int64(a.Int(2)))
			return []any{string(data), int(next), overflow}, about(a.String(0), err)
		},
	}
}
