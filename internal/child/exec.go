package child

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// ShimCommand is the hidden first argument with which the daemon's binary is called as ExecShim.
const ShimCommand = "exec-shim"

// self is the binary of this very process, also when its file has been replaced or removed.
const self = "/proc/self/exe"

// exitNotSpawned is the exit status of a child that never became the program (Supervisor's).
const exitNotSpawned = 127

// shim is what ExecShim has to do before it executes the program.
type shim struct {
	UID    int                 `json:"uid"` // for the message
	Refuse string              `json:"refuse,omitempty"`
	Become *syscall.Credential `json:"become,omitempty"`
	Dir    string              `json:"dir,omitempty"`
	Umask  int                 `json:"umask"`
	Limits []process.Limit     `json:"limits,omitempty"`
}

// prepare returns the function that forks and executes a command with the descriptors files. What fork and exec of the
// standard library cannot do, and what goes wrong in them, is left to ExecShim: only the child itself can say on its stderr
// what the trouble is.
func prepare(cmd Command, files []uintptr) func() (pid int, err error) {
	job := shim{UID: cmd.UID, Dir: cmd.Dir, Umask: cmd.Umask, Limits: cmd.Limits}
	var err error
	if job.Become, err = credential(cmd.UID); err != nil {
		job.Refuse = err.Error()
	}
	return func() (int, error) {
		if job.Refuse != "" || job.Umask >= 0 || len(job.Limits) > 0 {
			return job.fork(cmd, files)
		}
		pid, err := syscall.ForkExec(cmd.Path, cmd.Args, &syscall.ProcAttr{
			Dir: cmd.Dir, Env: cmd.Env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Credential: job.Become},
		})
		if err != nil {
			return job.fork(cmd, files)
		}
		return pid, nil
	}
}

// fork starts a child that does the job itself.
func (j shim) fork(cmd Command, files []uintptr) (int, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return 0, fmt.Errorf("write job of %s: %w", ShimCommand, err)
	}
	args := append([]string{os.Args[0], ShimCommand, string(text), cmd.Path}, cmd.Args...)
	return syscall.ForkExec(self, args, &syscall.ProcAttr{
		Env: cmd.Env, Files: files, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
}

// ExecShim sets what a child asks for, in Supervisor's order, and becomes the program. args are the arguments after
// ShimCommand. It never returns: when something goes wrong it says so on stderr in Supervisor's words and exits with 127.
func ExecShim(args []string) {
	if err := runShim(args); err != nil {
		fmt.Fprintf(os.Stderr, "supervisor: %v\n", err)
	}
	fmt.Fprint(os.Stderr, "supervisor: child process was not spawned\n")
	os.Exit(exitNotSpawned)
}

func runShim(args []string) error {
	var job shim
	if len(args) < 3 {
		return fmt.Errorf("%s is not a command for users", ShimCommand)
	}
	if err := json.Unmarshal([]byte(args[0]), &job); err != nil {
		return fmt.Errorf("couldn't read job: %w", err)
	}
	path, argv := args[1], args[2:]
	if job.Refuse != "" {
		return fmt.Errorf("couldn't setuid to %d: %s", job.UID, job.Refuse)
	}
	for _, l := range job.Limits { // before the user is changed: only root may raise a hard limit
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return fmt.Errorf("couldn't set limit %d: %s", l.Resource, errnoName(err))
		}
	}
	if err := become(job.Become); err != nil {
		return fmt.Errorf("couldn't setuid to %d: %w", job.UID, err)
	}
	if job.Dir != "" {
		if err := syscall.Chdir(job.Dir); err != nil {
			return fmt.Errorf("couldn't chdir to %s: %s", job.Dir, errnoName(err))
		}
	}
	if job.Umask >= 0 {
		syscall.Umask(job.Umask)
	}
	return fmt.Errorf("couldn't exec %s: %s", argv[0], errnoName(syscall.Exec(path, argv, os.Environ())))
}

// become changes the user of this process for good.
func become(c *syscall.Credential) error {
	if c == nil {
		return nil
	}
	groups := make([]int, len(c.Groups))
	for i, gid := range c.Groups {
		groups[i] = int(gid)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("Could not set groups of effective user") //nolint:staticcheck // Supervisor's words
	}
	if err := syscall.Setgid(int(c.Gid)); err != nil {
		return fmt.Errorf("Could not set group id of effective user") //nolint:staticcheck // Supervisor's words
	}
	if err := syscall.Setuid(int(c.Uid)); err != nil {
		return fmt.Errorf("%s", errnoName(err))
	}
	return nil
}

// errnoName returns the name of a system error, as Supervisor shows it: ENOENT.
func errnoName(err error) string {
	if errno, ok := err.(syscall.Errno); ok {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
	}
	return err.Error()
}
