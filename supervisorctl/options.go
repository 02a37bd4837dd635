package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/ini"
)

// options are what the command line and the [supervisorctl] section say; the command line comes first.
type options struct {
	serverURL          string
	username, password string
	prompt             string
	historyFile        string // "" keeps no history
	interactive        bool   // somebody is there to answer questions
	supvisorsPlugin    bool   // the configuration has [ctlplugin:supvisors]
	args               []string
}

var ctlFlags = []config.CommandFlag{
	{Short: "h", Long: "help"}, {Short: "?"}, {Short: "c", Long: "configuration", Arg: true}, {Short: "i", Long: "interactive"}, {Short: "s", Long: "serverurl", Arg: true},
	{Short: "u", Long: "username", Arg: true}, {Short: "p", Long: "password", Arg: true}, {Short: "r", Long: "history_file", Arg: true},
}

const helpText = `supervisorctl -- control applications run by supervisord from the cmd line.

Usage: %s [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- configuration file path (searches if not given)
-h/--help -- print usage message and exit
-i/--interactive -- start an interactive shell after executing commands
-s/--serverurl URL -- URL on which supervisord server is listening
     (default "http://localhost:9001").
-u/--username USERNAME -- username to use for authentication with server
-p/--password PASSWORD -- password to use for authentication with server
-r/--history_file FILENAME -- keep the lines of the shell in this file

action [arguments] -- see below

Actions are commands like "tail" or "stop".  If -i is specified or no action is
specified on the command line, a "shell" interpreting actions typed
interactively is started.  Use the action "help" to find out about available
actions.

`

// errHelp asks for the help text instead of anything else.
var errHelp = errors.New("help requested")

// readOptions reads the command line, which starts with the name of the program, and the configuration file. Its errors carry the
// peer's texts.
func readOptions(args []string) (options, error) {
	flags, rest, err := config.Getopt(args[1:], ctlFlags)
	if err != nil {
		return options{}, err
	}
	given := map[string]string{}
	for _, f := range flags {
		flag := ctlFlags[f.Index]
		name := flag.Long
		if name == "help" || flag.Short == "?" {
			return options{}, errHelp
		}
		if name == "serverurl" && !isURL(f.Arg) {
			return options{}, fmt.Errorf("invalid value for %s %s: value %[2]s is not a URL", f.Name, ini.Repr(f.Arg))
		}
		if _, twice := given[name]; twice {
			return options{}, fmt.Errorf("conflicting command line option %s", ini.Repr(f.Name))
		}
		given[name] = f.Arg
	}
	path, ok := given["configuration"]
	if !ok {
		path = findConfiguration(args[0])
	}
	o, err := loadOptions(path)
	if err != nil {
		return options{}, err
	}
	o.args = rest
	o.override(given)
	return o, nil
}

// loadOptions takes the options from a configuration file, or the defaults when there is none.
func loadOptions(path string) (options, error) {
	ctl, err := config.LoadCtl(path)
	var wrong *config.Error
	if errors.As(err, &wrong) {
		return options{}, errors.New(wrong.Text())
	}
	if err != nil {
		return options{}, err
	}
	return options{
		serverURL: ctl.ServerURL, username: ctl.Username, password: ctl.Password, prompt: ctl.Prompt, historyFile: ctl.HistoryFile,
		supvisorsPlugin: ctl.Supvisors,
	}, nil
}

// override lets the command line have the last word.
func (o *options) override(given map[string]string) {
	for name, field := range map[string]*string{"serverurl": &o.serverURL, "username": &o.username, "password": &o.password,
		"history_file": &o.historyFile} {
		if value, ok := given[name]; ok {
			*field = value
		}
	}
	_, asked := given["interactive"]
	o.interactive = asked || len(o.args) == 0
}

// isURL reports whether a text has a scheme and something after it that is no mere query.
func isURL(text string) bool {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsFunc(scheme, func(r rune) bool { return !isIdent(r) && !strings.ContainsRune("+-.", r) }) {
		return false
	}
	rest = strings.TrimPrefix(rest, "//")
	return scheme != "" && rest != "" && !strings.ContainsAny(rest[:1], "?#")
}

// findConfiguration returns the first configuration file that is there, "" when there is none.
func findConfiguration(program string) string {
	for _, path := range config.SearchPaths(program) {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

// printUsage tells what is wrong with the command line.
func printUsage(w io.Writer, program string, err error) {
	fmt.Fprintf(w, "Error: %s\nFor help, use %s -h\n", err, program)
}
