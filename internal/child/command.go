package child

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// defaultPath is where commands are looked for when there is no PATH (as Supervisor).
const defaultPath = "/bin:/usr/bin:/usr/local/bin"

// command builds the child of the process as it is configured now. The error is a *CommandError.
func (a *Actor) command() (Command, error) {
	spec := a.machine.Spec()
	line := spec.Command
	if extra := a.machine.Info().ExtraArgs; extra != "" {
		line += " " + extra
	}
	args, err := process.SplitCommand(line)
	if err != nil {
		return Command{}, &CommandError{ErrBadCommand, fmt.Sprintf("can't parse command %s: %v", ini.Repr(line), err)}
	}
	if len(args) == 0 {
		return Command{}, &CommandError{ErrBadCommand, "command is empty"}
	}
	file, err := a.cfg.Spawner.Lookup(args[0], searchPath(a.cfg.Env, spec.Environment))
	if err != nil {
		return Command{}, err
	}
	return Command{
		Path: file, Args: args, Env: environment(a.cfg.Env, spec, a.cfg.Inject),
		Dir: spec.Directory, UID: spec.UID, Umask: spec.Umask, Limits: spec.Limits,
		MergeStderr: spec.RedirectStderr, Discard: a.unwanted(spec),
	}, nil
}

// searchPath returns the directories of PATH: the program's own, else the daemon's.
func searchPath(env []string, own []process.EnvVar) []string {
	path := defaultPath
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok && value != "" {
			path = value
		}
	}
	for _, v := range own {
		if v.Name == "PATH" {
			path = v.Value
		}
	}
	return strings.Split(path, ":")
}

// environment returns the environment of a child: the given one, what Supervisor adds, the program's own, and what is injected, which may
// be nothing. No name occurs twice: the last value counts, in the first place.
func environment(base []string, spec *process.Spec, inject func() []string) []string {
	env := make([]string, len(base), len(base)+len(spec.Environment)+4)
	copy(env, base)
	set := func(variable string) {
		name, _, _ := strings.Cut(variable, "=")
		for i, v := range env {
			if len(v) > len(name) && v[len(name)] == '=' && v[:len(name)] == name {
				env[i] = variable
				return
			}
		}
		env = append(env, variable)
	}
	set("SUPERVISOR_ENABLED=1")
	if spec.ServerURL != "" {
		set("SUPERVISOR_SERVER_URL=" + spec.ServerURL)
	}
	set("SUPERVISOR_PROCESS_NAME=" + spec.Name)
	set("SUPERVISOR_GROUP_NAME=" + spec.Group)
	for _, v := range spec.Environment {
		set(v.Name + "=" + v.Value)
	}
	if inject != nil {
		for _, v := range inject() {
			set(v)
		}
	}
	return env
}

// lookup finds the file of a command the way Supervisor does: the first of that name in path counts, whatever it is.
func lookup(program string, path []string) (string, error) {
	if strings.Contains(program, "/") {
		path = []string{""}
	}
	file, err := program, fs.ErrNotExist
	var info fs.FileInfo
	for _, dir := range path {
		if file = program; dir != "" { // an empty entry is the current directory
			file = strings.TrimSuffix(dir, "/") + "/" + program
		}
		if info, err = os.Stat(file); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return "", &CommandError{ErrNotFound, "can't find command " + ini.Repr(program)}
	case info.IsDir():
		return "", &CommandError{ErrNotExecutable, fmt.Sprintf("command at %s is a directory", ini.Repr(file))}
	case info.Mode()&0o111 == 0:
		return "", &CommandError{ErrNotExecutable, fmt.Sprintf("command at %s is not executable", ini.Repr(file))}
	case unix.Access(file, unix.X_OK) != nil:
		return "", &CommandError{ErrNotExecutable, "no permission to run command " + ini.Repr(file)}
	}
	return file, nil
}
