package journal

import (
	"fmt"

	"github.com/supvisors/supvisors/internal/process"
)

// ProcessRecord returns the record of a change that clients of the agent API know: a process runs, has stopped, or cannot be started. The
// source is what the process belongs to: the agreement of its application, or the application as a service.
func ProcessRecord(c process.Change, source Source) (Record, bool) {
	name := process.Namespec{Group: c.Info.Group, Process: c.Info.Name}
	var r Record
	switch c.Info.State {
	case process.Running:
		r = Record{Code: CodeContainerRunning, Message: fmt.Sprintf("Process %s is running (pid %d).", name, c.PID)}
	case process.Stopped:
		if c.From != process.Stopping { // it did not run: the configuration was read, or a restart was given up
			return Record{}, false
		}
		r = Record{Code: CodeContainerStopped, Message: fmt.Sprintf("Process %s was stopped.", name)}
	case process.Exited:
		r = Record{Code: CodeContainerStopped, Message: fmt.Sprintf("Process %s has exited (%s).", name, ending(c.Info))}
	case process.Fatal:
		r = Record{Severity: Error, Code: CodeContainerStartError,
			Message: fmt.Sprintf("Process %s could not be started: %s.", name, whyFatal(c.Info))}
	default:
		return Record{}, false
	}
	r.Source = source
	return r, true
}

func ending(i process.Info) string {
	text := fmt.Sprintf("exit status %d", i.ExitStatus)
	if i.ExitStatus < 0 {
		text = "killed by a signal"
	}
	if i.Expected {
		return text + ", expected"
	}
	return text + ", not expected"
}

func whyFatal(i process.Info) string {
	if i.SpawnErr != "" {
		return i.SpawnErr
	}
	return "it exited too quickly"
}
