package service

import (
	"context"
	"errors"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// Windows of a log. What XML cannot carry in a text is replaced by the encoder.
var (
	offsetParam = rpc.Param{Name: "offset", Kind: rpc.Int, Doc: "first byte; negative: how many bytes before the end"}
	lengthParam = rpc.Param{Name: "length", Kind: rpc.Int, Doc: "number of bytes; 0: all"}
	mainWindow  = []rpc.Param{offsetParam, lengthParam}
	logWindow   = []rpc.Param{nameParam, offsetParam, lengthParam}
	logText     = rpc.Result{Kind: rpc.String, Doc: "the text of the log", Type: ""}
	logEnd      = rpc.Result{Kind: rpc.Array, Doc: "the text, the next offset, and whether there was more than length bytes", Type: []any(nil)}
)

// logMethods returns the rows about logs.
func (p *programs) logMethods() []rpc.Method {
	readMain := rpc.Method{Name: "supervisor.readLog", Doc: "Read a part of the activity log.",
		Params: mainWindow, Result: logText, Fn: p.readMainLog}
	readStdout := rpc.Method{Name: "supervisor.readProcessStdoutLog", Doc: "Read a part of the stdout log of a process.",
		Params: logWindow, Result: logText, Fn: p.readLog(event.Stdout)}
	tailStdout := rpc.Method{Name: "supervisor.tailProcessStdoutLog", Doc: "Read what is new at the end of the stdout log of a process.",
		Params: logWindow, Result: logEnd, Fn: p.tailLog(event.Stdout)}
	clearBoth := rpc.Method{Name: "supervisor.clearProcessLogs", Doc: "Empty both logs of a process.", Access: rpc.Act,
		Params: []rpc.Param{nameParam}, Result: always, Fn: p.clearLogs}
	return []rpc.Method{
		readMain, alias("supervisor.readMainLog", readMain),
		readStdout, alias("supervisor.readProcessLog", readStdout),
		tailStdout, alias("supervisor.tailProcessLog", tailStdout),
		clearBoth, alias("supervisor.clearProcessLog", clearBoth),
		{Name: "supervisor.readProcessStderrLog", Doc: "Read a part of the stderr log of a process.",
			Params: logWindow, Result: logText, Fn: p.readLog(event.Stderr)},
		{Name: "supervisor.tailProcessStderrLog", Doc: "Read what is new at the end of the stderr log of a process.",
			Params: logWindow, Result: logEnd, Fn: p.tailLog(event.Stderr)},
		{Name: "supervisor.clearLog", Doc: "Start the activity log anew.", Access: rpc.Admin, Result: always, Fn: p.clearMainLog},
		{Name: "supervisor.clearAllProcessLogs", Doc: "Empty the logs of all processes.", Access: rpc.Act, Result: results,
			Fn: func(ctx context.Context, _ rpc.Args) (any, error) {
				list, err := p.sup.ClearAllLogs(ctx)
				return processResults("", list, err)
			}},
	}
}

// alias is a row under a name that it had in older versions of Supervisor.
func alias(name string, row rpc.Method) rpc.Method {
	row.Doc = "The same as " + row.Name + ", for old clients."
	row.AliasOf = row.Name
	row.Name = name
	return row
}

func (p *programs) readMainLog(_ context.Context, a rpc.Args) (any, error) {
	data, err := p.sup.ReadMainLog(int64(a.Int(0)), int64(a.Int(1)))
	return string(data), err
}

// clearMainLog is the one row whose NO_FILE fault does not name the file.
func (p *programs) clearMainLog(context.Context, rpc.Args) (any, error) {
	err := p.sup.ClearMainLog()
	var none *supervisor.NoFileError
	if errors.As(err, &none) {
		err = &supervisor.NoFileError{}
	}
	return true, err
}

func (p *programs) readLog(c event.Channel) function {
	return func(_ context.Context, a rpc.Args) (any, error) {
		data, err := p.sup.ReadLog(process.ParseNamespec(a.String(0)), c, int64(a.Int(1)), int64(a.Int(2)))
		return string(data), about(a.String(0), err)
	}
}

func (p *programs) tailLog(c event.Channel) function {
	return func(_ context.Context, a rpc.Args) (any, error) {
		data, next, overflow, err := p.sup.TailLog(process.ParseNamespec(a.String(0)), c, int64(a.Int(1)), int64(a.Int(2)))
		return []any{string(data), int(next), overflow}, about(a.String(0), err)
	}
}

func (p *programs) clearLogs(ctx context.Context, a rpc.Args) (any, error) {
	return true, about(a.String(0), p.sup.ClearLogs(ctx, process.ParseNamespec(a.String(0))))
}
