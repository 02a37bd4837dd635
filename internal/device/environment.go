package device

import (
	"net"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/process"
)

// private are the variables that are never shown.
var private = map[string]bool{"RESIN_SUPERVISOR_API_KEY": true, "RESIN_API_KEY": true, "BALENA_SUPERVISOR_API_KEY": true, "BALENA_API_KEY": true}

// secretWords are in the names of variables whose values are told to few.
var secretWords = []string{"PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL"}

// masked stands for a value that is not told.
const masked = "********"

// Environment returns the variables that the processes of a group get beside their own, "NAME=value": where the device API is, their key
// and their number (inject_env). They must be asked for at each start: the key may have changed. nil for a group that gets none.
func (d *Device) Environment(group string) []string {
	if !d.options.InjectEnv.has(group) {
		return nil
	}
	vars := [][2]string{{"APP_ID", strconv.Itoa(d.numbers.of(group))}, {"APP_NAME", group}, {"DEVICE_UUID", d.uuid}}
	own := d.keys.Key(key.Of(group))
	vars = append(vars, [2]string{"SUPERVISOR_API_KEY", own}, [2]string{"API_KEY", own})
	if host, port, err := net.SplitHostPort(d.cfg.Address); err == nil {
		vars = append(vars, [2]string{"SUPERVISOR_ADDRESS", "http://" + d.cfg.Address}, [2]string{"SUPERVISOR_HOST", host},
			[2]string{"SUPERVISOR_PORT", port})
	}
	var env []string
	for _, prefix := range []string{"RESIN_", "BALENA_"} {
		for _, v := range vars {
			env = append(env, prefix+v[0]+"="+v[1])
		}
	}
	return append(env, "SUPVISORS_UPDATE_LOCK="+d.locks.Path(group))
}

// shownEnvironment returns the variables of a process that may be shown: those of the configuration and those of this API.
func (d *Device) shownEnvironment(s *process.Spec, secrets bool) map[string]string {
	env := map[string]string{}
	for _, v := range d.Environment(s.Group) {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	for _, v := range s.Environment {
		env[v.Name] = v.Value
	}
	for name := range env {
		switch {
		case private[name]:
			delete(env, name)
		case !secrets && secret(name):
			env[name] = masked
		}
	}
	return env
}

func secret(name string) bool {
	name = strings.ToUpper(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return strings.HasSuffix(name, "_KEY")
}
