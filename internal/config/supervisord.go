package config

import (
	"cmp"
	"os"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// What Supervisor assumes when an option is not given.
const (
	defaultLogSize = 50 << 20
	defaultBackups = 10
	defaultMode    = 0o700 // of sockets
)

// supervisord reads the [supervisord] section. Its environment becomes expansions of all sections that are read later.
func (l *loader) supervisord() Supervisord {
	s := l.section("supervisord", nil)
	d := Supervisord{UID: -1, GID: -1}
	d.MinFDs = get(s, "minfds", 1024, ini.Int)
	d.MinProcs = get(s, "minprocs", 200, ini.Int)
	d.Directory = get(s, "directory", "", ini.ExistingDirectory)
	d.User = s.text("user", "")
	d.Umask = get(s, "umask", 0o022, ini.Octal)
	d.Logfile = get(s, "logfile", "supervisord.log", ini.ExistingDirPath)
	d.LogMaxBytes = get(s, "logfile_maxbytes", int64(defaultLogSize), ini.ByteSize)
	d.LogBackups = get(s, "logfile_backups", defaultBackups, ini.Int)
	d.LogLevel = get(s, "loglevel", 0, ini.Level)
	d.Pidfile = get(s, "pidfile", "supervisord.pid", ini.ExistingDirPath)
	d.Identifier = s.text("identifier", defaultIdentifier)
	d.NoDaemon = get(s, "nodaemon", false, ini.Bool)
	d.Silent = get(s, "silent", false, ini.Bool)
	d.ChildLogDir = get(s, "childlogdir", tempDir(), ini.ExistingDirectory)
	d.NoCleanup = get(s, "nocleanup", false, ini.Bool)
	d.StripANSI = get(s, "strip_ansi", false, ini.Bool)
	s.lookup("profile_options") // a profile of the Python interpreter: nothing to do
	s.vars["host_node_name"] = l.host
	if v, ok := s.environment(); ok {
		d.Environment = v
		for _, e := range v {
			l.env["ENV_"+e.Name] = e.Value
		}
	}
	return d
}

// environment reads the environment option with the expansions that hold.
func (s *section) environment() ([]process.EnvVar, bool) {
	v, ok := s.lookup("environment")
	if !ok {
		return nil, true
	}
	text, err := s.expand(v.Text, "environment")
	var pairs []ini.Pair
	if err == nil {
		pairs, err = ini.Pairs(text)
	}
	if err != nil {
		s.failAt(v.Pos, "environment", err.Error())
		return nil, false
	}
	vars := make([]process.EnvVar, len(pairs))
	for i, p := range pairs {
		vars[i] = process.EnvVar{Name: p.Key, Value: p.Value}
	}
	return vars, true
}

// applyFlags lays the command line over the section, and resolves the user and the paths that result.
func (l *loader) applyFlags(d *Supervisord) {
	f := l.flags
	d.NoDaemon = d.NoDaemon || f.NoDaemon
	d.Silent = d.Silent || f.Silent
	d.NoCleanup = d.NoCleanup || f.NoCleanup
	d.StripANSI = d.StripANSI || f.StripANSI
	d.Directory = cmp.Or(f.Directory, d.Directory)
	d.Logfile = cmp.Or(f.Logfile, d.Logfile, "supervisord.log")
	d.Pidfile = cmp.Or(f.Pidfile, d.Pidfile, "supervisord.pid")
	d.Identifier = cmp.Or(f.Identifier, d.Identifier, defaultIdentifier)
	d.ChildLogDir = cmp.Or(f.ChildLogDir, d.ChildLogDir)
	override(&d.Umask, f.Umask)
	override(&d.LogMaxBytes, f.LogMaxBytes)
	override(&d.LogBackups, f.LogBackups)
	override(&d.LogLevel, f.LogLevel)
	override(&d.MinFDs, f.MinFDs)
	override(&d.MinProcs, f.MinProcs)

	s := l.section("supervisord", nil)
	if user, ok := s.lookup("user"); f.User != "" || ok {
		d.User = cmp.Or(f.User, d.User)
		s.resolveUser(d, user.Pos)
	}
	if d.Logfile != "syslog" {
		s.normalize("logfile", &d.Logfile)
	}
	s.normalize("pidfile", &d.Pidfile)
}

func override[T any](value *T, flag *T) {
	if flag != nil {
		*value = *flag
	}
}

// resolveUser finds the ids of the user that the daemon shall become.
func (s *section) resolveUser(d *Supervisord, pos ini.Position) {
	uid, err := ini.UID(d.User)
	if err == nil {
		d.UID = uid
		d.GID, err = ini.GIDOf(uid)
	}
	if err == nil {
		return
	}
	p := Problem{Pos: pos, Section: s.name, Key: "user", Text: err.Error()}
	if s.flags.User != "" {
		p = Problem{Text: err.Error()}
	}
	s.loader.fail(p)
}

// normalize makes a path absolute, from the working directory as Supervisor does.
func (s *section) normalize(key string, path *string) {
	abs, err := ini.Normalize(*path)
	if err != nil {
		v, _ := s.lookup(key)
		s.failAt(v.Pos, key, err.Error())
		return
	}
	*path = abs
}

// tempDir is where Python finds a place for temporary files.
func tempDir() string {
	candidates := []string{os.Getenv("TMPDIR"), os.Getenv("TEMP"), os.Getenv("TMP"), "/tmp", "/var/tmp", "/usr/tmp"}
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return "."
}
