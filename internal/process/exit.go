package process

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// ExitText returns the exit status that clients see, -1 for a death by signal, and how Supervisor's log words it:
// "exit status 3", "terminated by SIGSEGV (core dumped)".
func ExitText(status syscall.WaitStatus) (code int, text string) {
	switch {
	case status.Exited():
		return status.ExitStatus(), fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.Signaled():
		text = "terminated by " + SignalName(status.Signal())
		if status.CoreDump() {
			text += " (core dumped)"
		}
		return -1, text
	}
	return -1, fmt.Sprintf("unknown termination cause 0x%04x", uint32(status))
}

// SignalName returns the name of a signal with its "SIG", or "signal 42" for one without a name.
func SignalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}
