package process

import (
	"fmt"
	"time"
)

// Description returns the free text of getProcessInfo and supervisorctl status: "pid 12, uptime 0:00:05", the reason of a
// start that went wrong, or when the process stopped, in the time zone loc. Like Supervisor it counts whole seconds of the
// wall clock, so that it agrees with the fields start and now.
func (i Info) Description(now time.Time, loc *time.Location) string {
	switch i.State {
	case Running:
		return fmt.Sprintf("pid %d, uptime %s", i.PID, uptime(max(0, now.Unix()-i.Start.Unix())))
	case Fatal, Backoff:
		if i.SpawnErr == "" {
			return fmt.Sprintf(`unknown error (try "tail %s")`, i.Name)
		}
		return i.SpawnErr
	case Stopped, Exited:
		if i.Start.IsZero() {
			return "Not started"
		}
		return i.Stop.In(loc).Format("Jan 02 03:04 PM")
	}
	return ""
}

// uptime writes seconds as Python writes a timedelta: "0:00:05", "1 day, 0:00:05", "12 days, 10:00:00".
func uptime(sec int64) string {
	days, sec := sec/86400, sec%86400
	text := fmt.Sprintf("%d:%02d:%02d", sec/3600, sec/60%60, sec%60)
	switch days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	}
	return fmt.Sprintf("%d days, %s", days, text)
}
