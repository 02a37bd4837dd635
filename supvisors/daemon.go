package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// daemon is supervisord: it reads the flags and the configuration, and runs until it is told to stop. The exit status is 2 for what
// keeps it from running, with Supervisor's text on standard error; a detached daemon has the command that started it print it.
func daemon(args []string, stdout, stderr io.Writer) int {
	ready := takeReadyPipe() // first, so that nobody sees its variable
	fail := func(err error) int {
		if !ready.failed(err) {
			fmt.Fprintf(stderr, "Error: %s\nFor help, use %s -h\n", err, args[0])
		}
		return 2
	}
	flags, err := config.ParseFlags(args[1:])
	if err != nil {
		return fail(err)
	}
	switch {
	case flags.Help:
		fmt.Fprint(stdout, config.Usage(args[0]))
		return 0
	case flags.Version:
		fmt.Fprintln(stdout, supervisorVersion)
		return 0
	}
	d := &daemonProcess{flags: flags, ready: ready, console: stdout, bus: event.NewBus(), signals: make(chan os.Signal, 8)}
	if d.path, err = config.Find(flags); err != nil {
		return fail(err)
	}
	cfg, err := d.load()
	if err != nil {
		return fail(err)
	}
	if d.path, err = filepath.Abs(d.path); err != nil { // a detached daemon may change the directory before it reads the file again
		return fail(err)
	}
	if !cfg.Supervisord.NoDaemon && ready == nil {
		err = detach(args)
	} else {
		err = d.run(cfg)
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

// daemonProcess is the daemon as an operating system process: what lasts over the restarts of its sessions.
type daemonProcess struct {
	flags   config.Flags
	path    string
	ready   *readyPipe // nil unless detached
	console io.Writer
	bus     *event.Bus     // its serial numbers go on over a restart
	signals chan os.Signal // those that come between two sessions are for the next one
	notes   []note         // for the first log that is opened
}

// load reads the configuration. An error is Supervisor's text of the first problem, as its users know it, then the place of each
// problem for which that text tells none.
func (p *daemonProcess) load() (*config.Config, error) {
	cfg, err := loadConfig(p.path, p.flags)
	var bad *config.Error
	if !errors.As(err, &bad) {
		return cfg, err
	}
	text := bad.Text()
	for _, problem := range bad.Problems {
		if problem.Section != "" {
			text += "\n" + problem.String()
		}
	}
	return nil, errors.New(text)
}

// run is the loop of the restarts.
func (p *daemonProcess) run(cfg *config.Config) error {
	signal.Notify(p.signals, signals...)
	defer signal.Stop(p.signals)
	// nobody listens: a reader of the standard output that goes away must not end the daemon, nor may children ignore SIGPIPE
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := p.prepare(cfg)
	for err == nil && cfg != nil {
		cfg, err = p.session(cfg)
	}
	return err
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
	if p.ready != nil {
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

// dropPrivileges becomes the user of the configuration; the notes have Supervisor's words.
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
	case !root:
		return errors.New("Can't drop privilege as nonroot user")
	default:
		if err := become(o.UID); err != nil {
			return err
		}
	}
	p.note(slog.LevelInfo, fmt.Sprintf("Set uid to user %d succeeded", o.UID))
	return nil
}

// signals are those that mean something to the daemon.
var signals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR2}

// act does what a signal asks for.
func (s *session) act(ctx context.Context, sig os.Signal) {
	name := unix.SignalName(sig.(syscall.Signal))
	switch {
	case sig == syscall.SIGUSR2:
		s.log.Info(fmt.Sprintf("received %s indicating log reopen request", name))
		s.log.Info("supervisord logreopen")
		s.reopenLogs(ctx)
	case sig != syscall.SIGHUP:
		s.log.Warn(fmt.Sprintf("received %s indicating exit request", name))
		s.sup.End(supervisor.Shutdown)
	case s.sup.State() == supervisor.Shutdown:
		s.log.Warn(fmt.Sprintf("ignored %s indicating restart request (shutdown in progress)", name))
	default:
		s.log.Warn(fmt.Sprintf("received %s indicating restart request", name))
		s.sup.End(supervisor.Restarting)
	}
}

// oneLine keeps a text from breaking the lines of the log.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }
