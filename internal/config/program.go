package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// maxProcs bounds numprocs, so that a slip of the keyboard does not fill the memory.
const maxProcs = 10000

// specs reads a program, eventlistener or fcgi-program section: one Spec for each of its numprocs, by priority and name. env is
// the environment of [supervisord].
func (l *loader) specs(name, group string, env []process.EnvVar) []*process.Spec {
	s := l.section(name, nil)
	s.tells = true
	program, err := groupName(sectionName(name))
	if err != nil {
		s.fail(err.Error())
		return nil
	}
	s.vars["program_name"], s.vars["group_name"], s.vars["host_node_name"] = program, group, l.host

	before := len(l.problems)
	common := s.common(program, group)
	count := get(s, "numprocs", 1, parseNumprocs)
	start := get(s, "numprocs_start", 0, ini.Int)
	processName := s.processName(count)
	var specs []*process.Spec
	for i := range count {
		one := *s
		one.vars = maps.Clone(s.vars)
		one.vars["process_num"], one.vars["numprocs"] = start+i, count
		specs = append(specs, one.spec(common, processName, i, env))
		if len(l.problems) > before {
			return nil // the other processes have the same problems
		}
	}
	slices.SortStableFunc(specs, func(a, b *process.Spec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}

func parseNumprocs(s string) (int, error) {
	n, err := ini.Int(s)
	if err == nil && n > maxProcs {
		err = fmt.Errorf("%d is above upper bound (%d)", n, maxProcs)
	}
	return max(n, 0), err
}

// common reads what all processes of the section share.
func (s *section) common(program, group string) process.Spec {
	spec := process.Spec{Program: program, Group: group, UID: -1, Umask: -1}
	spec.Priority = get(s, "priority", defaultPriority, ini.Int)
	spec.Autostart = get(s, "autostart", true, ini.Bool)
	spec.Autorestart = get(s, "autorestart", process.RestartUnexpected, parseAutorestart)
	spec.StartSecs = get(s, "startsecs", 1, ini.Int)
	spec.StartRetries = get(s, "startretries", 3, ini.Int)
	spec.StopSignal = get(s, "stopsignal", 15, ini.Signal)
	spec.StopWaitSecs = get(s, "stopwaitsecs", 10, ini.Int)
	spec.StopAsGroup = get(s, "stopasgroup", false, ini.Bool)
	spec.KillAsGroup = get(s, "killasgroup", spec.StopAsGroup, ini.Bool)
	spec.ExitCodes = get(s, "exitcodes", []int{0}, ini.ExitCodes)
	spec.RedirectStderr = get(s, "redirect_stderr", false, ini.Bool)
	spec.Stdout = s.capture("stdout")
	spec.Stderr = s.capture("stderr")
	spec.ServerURL = s.text("serverurl", "")
	if url := strings.TrimSpace(spec.ServerURL); url == "" || strings.EqualFold(url, "auto") {
		spec.ServerURL, spec.AutoServerURL = "", true
	}
	if _, given := s.lookup("user"); given {
		spec.User = s.text("user", "")
		spec.UID = get(s, "user", -1, ini.UID)
	}
	spec.Umask = get(s, "umask", -1, ini.Octal)
	if spec.StopAsGroup && !spec.KillAsGroup {
		s.fail("Cannot set stopasgroup=true and killasgroup=false")
	}
	return spec
}

// capture reads what all processes of the section say alike about an output stream.
func (s *section) capture(stream string) process.LogSpec {
	return process.LogSpec{
		CaptureBytes:  get(s, stream+"_capture_maxbytes", 0, ini.ByteSize),
		EventsEnabled: get(s, stream+"_events_enabled", false, ini.Bool),
	}
}

// processName returns the expression of the processes' names, unexpanded.
func (s *section) processName(count int) string {
	v, ok := s.lookup("process_name")
	if !ok {
		v = ini.Value{Text: "%(program_name)s", Pos: s.pos()}
	}
	name, err := groupName(v.Text)
	if err == nil && count > 1 && !strings.Contains(name, "%(process_num)") {
		err = errors.New("%(process_num) must be present within process_name when numprocs > 1")
	}
	if err != nil {
		s.failAt(v.Pos, "process_name", err.Error())
	}
	return name
}

// spec reads what depends on the number of the process.
func (s *section) spec(common process.Spec, name string, index int, env []process.EnvVar) *process.Spec {
	spec := &common
	spec.Index = index
	own, ok := s.environment()
	if !ok {
		return spec
	}
	for _, e := range own {
		s.vars["ENV_"+e.Name] = e.Value
	}
	spec.Environment = merge(env, own)
	spec.Directory = s.text("directory", "")
	spec.Stdout = s.log("stdout", spec.Stdout)
	spec.Stderr = s.log("stderr", spec.Stderr)
	if spec.RedirectStderr {
		if spec.Stderr.File != "" && spec.Stderr.File != autoLog {
			v, _ := s.lookup("stderr_logfile")
			s.warn(Problem{v.Pos, s.name, "stderr_logfile", fmt.Sprintf("For [%s], redirect_stderr=true but stderr_logfile "+
				"has also been set to a filename, the filename has been ignored", s.name)})
		}
		spec.Stderr.File = ""
	}
	command, ok := s.expanded("command")
	if _, given := s.lookup("command"); !given {
		s.fail("program section " + s.name + " does not specify a command")
	}
	if !ok {
		return spec
	}
	spec.Command = command.Text
	var err error
	if spec.Name, err = s.expand(name, "process_name"); err != nil {
		v, _ := s.lookup("process_name")
		s.failAt(v.Pos, "process_name", err.Error())
	}
	return spec
}

// autoLog is what LogSpec.File says for a file in childlogdir.
const autoLog = "AUTO"

// log reads where an output stream is written to.
func (s *section) log(stream string, spec process.LogSpec) process.LogSpec {
	key := stream + "_logfile"
	spec.File = get(s, key, autoLog, s.logFile(key))
	spec.Backups = get(s, key+"_backups", defaultBackups, ini.Int)
	spec.MaxBytes = get(s, key+"_maxbytes", int64(defaultLogSize), ini.ByteSize)
	spec.Syslog = get(s, stream+"_syslog", false, ini.Bool)
	if spec.File == syslogFile {
		v, _ := s.lookup(key)
		s.warn(Problem{v.Pos, s.name, key, fmt.Sprintf("For [%s], %s=syslog but this is deprecated and will be removed.  "+
			"Use %s_syslog=true to enable syslog instead.", s.name, key, stream)})
		spec.File, spec.Syslog = "", true
	}
	if spec.File == autoLog && spec.MaxBytes == 0 {
		s.warn(Problem{s.pos(), s.name, key, fmt.Sprintf("For [%s], AUTO logging used for %s without rollover, "+
			"set maxbytes > 0 to avoid filling up filesystem unintentionally", s.name, key)})
	}
	return spec
}

// logFile expands the name of a log file for the second time, as Supervisor does, so that a percent sign is written %%%%.
func (s *section) logFile(key string) func(string) (string, error) {
	return func(text string) (string, error) {
		text, err := s.expand(text, key)
		if err != nil {
			return "", err
		}
		return parseLogFile(text)
	}
}

// syslogFile is the file name that stands for syslog.
const syslogFile = "syslog"

// parseLogFile reads a path, NONE, AUTO or syslog: the result is the path, "", autoLog or syslogFile.
func parseLogFile(s string) (string, error) {
	switch strings.ToLower(s) {
	case "none", "off":
		return "", nil
	case "auto":
		return autoLog, nil
	case "syslog":
		return syslogFile, nil
	}
	return ini.ExistingDirPath(s)
}

func parseAutorestart(s string) (process.Autorestart, error) {
	text := strings.ToLower(s)
	if text == "unexpected" {
		return process.RestartUnexpected, nil
	}
	always, err := ini.Bool(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("invalid 'autorestart' value %s", ini.Repr(text))
	case always:
		return process.RestartAlways, nil
	}
	return process.RestartNever, nil
}

// groupName checks the name of a group or process: the listener protocol and the web pages give a blank, ':' and '/' a meaning.
func groupName(s string) (string, error) {
	name := strings.TrimSpace(s)
	for _, char := range []string{" ", ":", "/"} {
		if strings.Contains(name, char) {
			return "", fmt.Errorf("Invalid name: %s because of character: %s", ini.Repr(s), ini.Repr(char))
		}
	}
	return name, nil
}

// sectionName returns what follows the prefix of a section's name.
func sectionName(section string) string {
	_, name, _ := strings.Cut(section, ":")
	return name
}

// merge lays the later variables over the earlier ones; a name keeps its first place.
func merge(earlier, later []process.EnvVar) []process.EnvVar {
	all := slices.Clone(earlier)
	for _, e := range later {
		i := slices.IndexFunc(all, func(known process.EnvVar) bool { return known.Name == e.Name })
		if i < 0 {
			all = append(all, e)
		} else {
			all[i] = e
		}
	}
	return all
}
