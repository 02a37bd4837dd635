package config

import (
	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// Kind says which section made a group.
type Kind int

// The kinds of groups.
const (
	Programs      Kind = iota // [program:x], or [group:x] of several programs
	EventListener             // [eventlistener:x]
	FastCGI                   // [fcgi-program:x] that is in no [group:x]
)

// kindNames are the section prefixes.
var kindNames = [...]string{"program", "eventlistener", "fcgi-program"}

// String returns the section prefix of the kind.
func (k Kind) String() string { return kindNames[k] }

// Group is a process group as the configuration wants it.
type Group struct {
	Name     string
	Kind     Kind
	Priority int
	Specs    []*process.Spec // of each program by priority and name; programs of a [group:x] in its order. Read-only.
	Listener *Listener       // only for EventListener
	Socket   *Socket         // only for FastCGI
	Pos      ini.Position    // of its section
}

// Listener is what an event listener pool adds to a group.
type Listener struct {
	Events        []string // names of event types in upper case, sorted, each once
	BufferSize    int      // events kept while no listener is ready, at least 1
	ResultHandler string   // only Supervisor's default handler has an effect
}

// Socket is the socket that the processes of a FastCGI group share.
type Socket struct {
	URL      string // unix:///path or tcp://host:port
	Network  string // "unix" or "tcp"
	Address  string // path or host:port
	Mode     int    // permission bits of a Unix socket
	UID, GID int    // owner of a Unix socket, -1 leaves it
	Backlog  int    // 0 for the system's default
}
