package process

import (
	"fmt"
	"strconv"
	"time"
)

// Description returns the free text of getProcessInfo and supervisorctl status: "pid 12, uptime 0:00:05", the reason of a
// start that went wrong, or when the process stopped, in the time zone loc. Like Supervisor it counts whole seconds of the
// wall clock, so that it agrees with the fields start and now.
func (i Info) Description(now time.Time, loc *time.Location) string {
	switch i.State {
	case Running:
		b := strconv.AppendInt([]byte("pid "), int64(i.PID), 10)
		return string(appendUptime(append(b, ", uptime "...), max(0, now.Unix()-i.Start.Unix())))
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

// appendUptime writes seconds as Python writes a timedelta: "0:00:05", "1 day, 0:00:05", "12 days, 10:00:00".
func appendUptime(b []byte, sec int64) []byte {
	days, sec := sec/86400, sec%86400
	switch days {
	case 0:
	case 1:
		b = append(b, "1 day, "...)
	default:
		b = append(strconv.AppendInt(b, days, 10), " days, "...)
	}
	b = strconv.AppendInt(b, sec/3600, 10)
	for _, n := range []int64{sec / 60 % 60, sec % 60} {
		b = append(b, ':', byte('0'+n/10), byte('0'+n%10))
	}
	return b
}
