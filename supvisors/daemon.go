package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// daemon is supervisord: it reads the flags and the configuration, and runs until it is told to stop. The exit status is 2 for what
// is wrong before the first process starts, with Supervisor's text on standard error.
func daemon(args []string, stdout, stderr io.Writer) int {
	fail := func(text string) int {
		fmt.Fprintf(stderr, "Error: %s\nFor help, use %s -h\n", text, args[0])
		return 2
	}
	flags, err := config.ParseFlags(args[1:])
	if err != nil {
		return fail(err.Error())
	}
	switch {
	case flags.Help:
		fmt.Fprint(stdout, config.Usage(args[0]))
		return 0
	case flags.Version:
		fmt.Fprintln(stdout, supervisorVersion)
		return 0
	}
	path, err := config.Find(flags)
	if err != nil {
		return fail(err.Error())
	}
	cfg, err := config.Load(path, flags)
	if err != nil {
		return fail(configText(err))
	}
	ready, detached := takeReadyPipe()
	if !cfg.Supervisord.NoDaemon && !detached {
		return detach(stderr)
	}
	d := &daemonProcess{flags: flags, path: path, ready: ready, console: stdout, detached: detached, bus: event.NewBus()}
	if err := d.prepare(cfg); err != nil {
		return fail(err.Error())
	}
	for {
		again, err := d.session(cfg)
		if err != nil {
			if ready.tell(err) {
				return 2
			}
			return fail(err.Error())
		}
		if !again {
			return 0
		}
		if cfg, err = config.Load(path, flags); err != nil {
			return fail(configText(err))
		}
	}
}

// configText is what is wrong with a configuration: Supervisor's text of the first problem, as its users know it, then the place of
// each problem.
func configText(err error) string {
	var bad *config.Error
	if !errors.As(err, &bad) {
		return err.Error()
	}
	if len(bad.Problems) == 1 && bad.Problems[0].Pos.File == "" {
		return bad.Text()
	}
	return bad.Text() + "\n" + bad.Error()
}

// daemonProcess is the daemon as an operating system process: what lasts over the restarts of its sessions.
type daemonProcess struct {
	flags    config.Flags
	path     string
	ready    *readyPipe
	console  io.Writer
	detached bool
	children *child.System
	bus      *event.Bus // its serial numbers go on over a restart
	notes    []note     // for the first log that is opened
}

// note is a log line from before there is a log.
type note struct {
	level slog.Level
	text  string
}

func (p *daemonProcess) note(level slog.Level, text string) {
	p.notes = append(p.notes, note{level, text})
}

// prepare drops privileges, raises limits and sets what children inherit.
func (p *daemonProcess) prepare(cfg *config.Config) error {
	o := cfg.Supervisord
	if err := p.dropPrivileges(o); err != nil {
		return err
	}
	notes, err := supervisor.RaiseLimits(uint64(o.MinFDs), uint64(o.MinProcs))
	if err != nil {
		return err
	}
	for _, text := range notes {
		p.note(slog.LevelInfo, text)
	}
	if p.detached {
		if o.Directory != "" {
			if err := os.Chdir(o.Directory); err != nil {
				p.note(supervisor.LevelCritical, fmt.Sprintf("can't chdir into '%s': %v", o.Directory, err))
			} else {
				p.note(slog.LevelInfo, fmt.Sprintf("set current directory: '%s'", o.Directory))
			}
		}
		unix.Umask(o.Umask)
	}
	return nil
}

func (p *daemonProcess) dropPrivileges(o config.Supervisord) error {
	root := os.Getuid() == 0
	switch {
	case o.User == "" && root:
		p.note(supervisor.LevelCritical, "Supervisor is running as root.  Privileges were not dropped because no user is specified "+
			"in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message.")
		return nil
	case o.User == "":
		return nil
	case o.UID == os.Getuid():
		p.note(slog.LevelInfo, fmt.Sprintf("Set uid to user %d succeeded", o.UID))
		return nil
	case !root:
		return errors.New("Can't drop privilege as nonroot user")
	}
	if err := become(o.UID); err != nil {
		return err
	}
	p.note(slog.LevelInfo, fmt.Sprintf("Set uid to user %d succeeded", o.UID))
	return nil
}

// signals are those that mean something to the daemon.
var signals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2}

// act does what a signal asks for.
func act(sig os.Signal, sup *supervisor.Supervisor, log *supervisor.ActivityLog, reopen func()) {
	name := unix.SignalName(sig.(syscall.Signal))
	switch sig {
	case syscall.SIGHUP:
		log.Warn(fmt.Sprintf("received %s indicating restart request", name))
		sup.End(supervisor.Restarting)
	case syscall.SIGUSR2:
		log.Info(fmt.Sprintf("received %s indicating log reopen request", name))
		reopen()
	default:
		log.Warn(fmt.Sprintf("received %s indicating exit request", name))
		sup.End(supervisor.Shutdown)
	}
}

// oneLine keeps a text from breaking the lines of the log.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }
