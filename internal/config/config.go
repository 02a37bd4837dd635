package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// Config is everything that the configuration files and the command line say. It is read-only.
type Config struct {
	Path     string   // the configuration file as it was given
	Here     string   // its directory, absolute; what %(here)s stands for
	Included []string // files read because of [include], in order

	Supervisord Supervisord
	Inet        []InetServer // [inet_http_server] and [inet_http_server:x], in order of the file
	Unix        []UnixServer // [unix_http_server] and [unix_http_server:x], in order of the file
	ServerURL   string       // what serverurl=AUTO stands for; "" without a server
	Ctl         *Ctl         // [supervisorctl]; nil when there is none or it is not valid
	Groups      []Group      // by priority, then name
	Supvisors   *Supvisors   // [rpcinterface:supvisors]; nil makes a plain Supervisor
	Rest        []Rest       // [rest] and [rest:x], in order of the file
	Device      *Device      // [device]; nil when no listener of Rest serves the device API
	Agent       *Agent       // [agent]; nil when no listener of Rest serves the agent API

	// Warnings are what does not stop the daemon: unknown sections and options, values that are ignored or replaced.
	Warnings []Problem

	source *source // to load again with another numprocs
}

// Supervisord is the [supervisord] section, with the command line's flags over it.
type Supervisord struct {
	NoDaemon    bool
	Silent      bool
	User        string // "" keeps the user
	UID, GID    int    // of User; -1 without
	Umask       int
	Directory   string // to change to when the daemon detaches; "" stays
	Logfile     string // absolute, or "syslog"
	LogMaxBytes int64  // size that triggers a rotation, 0 never
	LogBackups  int
	LogLevel    slog.Level // Supervisor's critical is 12, trace -8, blather -12
	Pidfile     string     // absolute
	Identifier  string
	ChildLogDir string
	MinFDs      int
	MinProcs    int
	NoCleanup   bool // keep the automatic log files of former runs
	StripANSI   bool
	Environment []process.EnvVar // also in the Environment of each Spec
}

// Login is who may use a server. Passwords are as they are, or {SHA} and their SHA-1 in hexadecimal.
type Login struct {
	Username, Password string // both "" for everybody
	// ReadOnlyUsername may look at everything and change nothing; "" for no such user.
	ReadOnlyUsername, ReadOnlyPassword string
}

// InetServer is a TCP server. Host "" stands for all addresses.
type InetServer struct {
	Section string
	Host    string
	Port    int
	Login
	CertFile, KeyFile string // absolute; "" without TLS
	CACerts           string // absolute; "" does not ask clients for a certificate
	// AllowedHosts are names by which browsers may call the server beside those that are known to be its own: a name, *.name for
	// all below it, or * for any.
	AllowedHosts []string
	GetActions   GetActions
	Pos          ini.Position
}

// GetActions tells what a GET may do that asks for an action of Supervisor's status page.
type GetActions int

// The values of legacy_get_actions.
const (
	ConfirmActions GetActions = iota // acts, unless a browser cannot show that the page is one of ours: then it asks first
	AllowActions                     // acts, whoever asks, as Supervisor does
	DenyActions                      // never acts: only a POST does
)

var getActionsNames = []string{"confirm", "allow", "deny"}

// String returns the value of legacy_get_actions.
func (g GetActions) String() string { return nameOf(getActionsNames, g) }

func parseGetActions(s string) (GetActions, error) {
	i := slices.Index(getActionsNames, strings.ToLower(s))
	if i < 0 {
		return 0, fmt.Errorf("%s is not one of %s", ini.Repr(s), strings.Join(getActionsNames, ", "))
	}
	return GetActions(i), nil
}

// UnixServer is a server on a Unix domain socket.
type UnixServer struct {
	Section  string
	File     string // absolute
	Mode     int    // permission bits, 0700 by default
	UID, GID int    // owner, -1 leaves it
	Login
	Pos ini.Position
}

// Group returns the group of that name.
func (c *Config) Group(name string) (Group, bool) {
	for _, g := range c.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}
