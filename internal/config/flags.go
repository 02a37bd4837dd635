package config

import (
	"fmt"
	"log/slog"

	"github.com/supvisors/supvisors/internal/ini"
)

// Flags are the options of the daemon's command line. What is not given ("", false, nil) is left to the configuration file.
type Flags struct {
	Configuration string      // -c
	NoDaemon      bool        // -n
	Silent        bool        // -s
	User          string      // -u
	Umask         *int        // -m
	Directory     string      // -d
	Logfile       string      // -l
	LogMaxBytes   *int64      // -y
	LogBackups    *int        // -z
	LogLevel      *slog.Level // -e
	Pidfile       string      // -j
	Identifier    string      // -i
	ChildLogDir   string      // -q
	NoCleanup     bool        // -k
	MinFDs        *int        // -a
	MinProcs      *int        // --minprocs
	StripANSI     bool        // -t

	Help    bool // -h: print Usage and do nothing else; flags after it were not looked at
	Version bool // -v: print the version and do nothing else; flags after it were not looked at
}

// flag is one option of supervisord.
type flag struct {
	CommandFlag
	set   func(f *Flags, arg string) error
	given func(f *Flags) bool // set already; nil when that does not matter
}

// flagTable is the command line of supervisord.
var flagTable = []flag{
	{CommandFlag: CommandFlag{Short: "h", Long: "help"}, set: func(f *Flags, _ string) error { f.Help = true; return nil }},
	{CommandFlag: CommandFlag{Short: "?"}, set: func(f *Flags, _ string) error { f.Help = true; return nil }},
	{CommandFlag: CommandFlag{Short: "v", Long: "version"}, set: func(f *Flags, _ string) error { f.Version = true; return nil }},
	valued("c", "configuration", func(f *Flags) *string { return &f.Configuration }, plain),
	switched("n", "nodaemon", func(f *Flags) *bool { return &f.NoDaemon }),
	switched("s", "silent", func(f *Flags) *bool { return &f.Silent }),
	switched("k", "nocleanup", func(f *Flags) *bool { return &f.NoCleanup }),
	switched("t", "strip_ansi", func(f *Flags) *bool { return &f.StripANSI }),
	valued("u", "user", func(f *Flags) *string { return &f.User }, plain),
	valued("m", "umask", func(f *Flags) **int { return &f.Umask }, optional(ini.Octal)),
	valued("d", "directory", func(f *Flags) *string { return &f.Directory }, ini.ExistingDirectory),
	valued("l", "logfile", func(f *Flags) *string { return &f.Logfile }, ini.ExistingDirPath),
	valued("y", "logfile_maxbytes", func(f *Flags) **int64 { return &f.LogMaxBytes }, optional(ini.ByteSize)),
	valued("z", "logfile_backups", func(f *Flags) **int { return &f.LogBackups }, optional(ini.Int)),
	valued("e", "loglevel", func(f *Flags) **slog.Level { return &f.LogLevel }, optional(ini.Level)),
	valued("j", "pidfile", func(f *Flags) *string { return &f.Pidfile }, ini.ExistingDirPath),
	valued("i", "identifier", func(f *Flags) *string { return &f.Identifier }, plain),
	valued("q", "childlogdir", func(f *Flags) *string { return &f.ChildLogDir }, ini.ExistingDirectory),
	valued("a", "minfds", func(f *Flags) **int { return &f.MinFDs }, optional(ini.Int)),
	valued("", "minprocs", func(f *Flags) **int { return &f.MinProcs }, optional(ini.Int)),
	{CommandFlag: CommandFlag{Long: "profile_options", Arg: true}, set: func(*Flags, string) error { return nil }}, // of the Python interpreter
}

// commandFlags is flagTable as Getopt takes it.
func commandFlags() []CommandFlag {
	flags := make([]CommandFlag, len(flagTable))
	for i, f := range flagTable {
		flags[i] = f.CommandFlag
	}
	return flags
}

// switched is a flag without an argument.
func switched(short, long string, field func(*Flags) *bool) flag {
	return flag{
		CommandFlag: CommandFlag{Short: short, Long: long},
		set:         func(f *Flags, _ string) error { *field(f) = true; return nil },
		given:       func(f *Flags) bool { return *field(f) },
	}
}

// valued is a flag with an argument. It counts as given when its field is not the zero value.
func valued[T comparable](short, long string, field func(*Flags) *T, parse func(string) (T, error)) flag {
	return flag{
		CommandFlag: CommandFlag{Short: short, Long: long, Arg: true},
		set: func(f *Flags, arg string) (err error) {
			*field(f), err = parse(arg)
			return err
		},
		given: func(f *Flags) bool {
			var zero T
			return *field(f) != zero
		},
	}
}

// optional parses a value that may be zero into one that may be nil.
func optional[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(s string) (*T, error) {
		value, err := parse(s)
		return &value, err
	}
}

// ParseFlags reads the command line without the name of the program. The text of an error is what Supervisor prints after
// "Error: "; the line after it is "For help, use NAME -h" and the exit status 2.
func ParseFlags(args []string) (Flags, error) {
	var f Flags
	words, rest, err := Getopt(args, commandFlags())
	if err != nil {
		return f, err
	}
	if len(rest) > 0 {
		return f, fmt.Errorf("positional arguments are not supported: %s", ini.ReprList(rest))
	}
	for _, w := range words {
		flag := flagTable[w.Index]
		given := flag.given != nil && flag.given(&f)
		if err := flag.set(&f, w.Arg); err != nil {
			return f, fmt.Errorf("invalid value for %s %s: %w", w.Name, ini.Repr(w.Arg), err)
		}
		if given {
			return f, fmt.Errorf("conflicting command line option %s", ini.Repr(w.Name))
		}
		if f.Help || f.Version {
			break
		}
	}
	return f, nil
}
