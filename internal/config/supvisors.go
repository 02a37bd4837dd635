package config

import (
	"log/slog"
	"time"

	"github.com/supvisors/supvisors/rules"
)

// Supvisors is the [rpcinterface:supvisors] section.
type Supvisors struct {
	SoftwareName string
	SoftwareIcon string // absolute path of an existing file; "" without

	Instances          []Instance // supvisors_list, in order; empty for a node alone or with discovery only
	Join               []string   // further peers, host or host:port
	MulticastGroup     string     // address:port; "" without discovery
	MulticastInterface string     // IPv4 address; "" for all
	MulticastTTL       int
	Stereotypes        []string

	RulesFiles []string // absolute paths of existing files, sorted
	CSSFiles   []string // absolute paths of existing files, sorted

	AutoFence       bool
	InactivityTicks int // ticks of 5 s without news before a node is lost, 2 to 720

	EventLink EventLink
	EventPort int // 0 for the HTTP port + 1

	SynchroOptions    []rules.SyncOption // at least one
	SynchroTimeout    time.Duration      // 15 s to 20 min
	CoreIdentifiers   []string
	FailureStrategy   rules.FailureStrategy
	Starting          rules.StartingStrategy
	Conciliation      rules.ConciliationStrategy
	StrictConsistency bool          // isolate nodes with other strategy options
	WaitExitLimit     time.Duration // longest wait for a wait_exit program, 0 without limit

	ClusterSecret    string // as written or read from ClusterSecretFile; "" derives it from the server's user and password
	DisabilitiesFile string // absolute; "" keeps nothing; its directory may be missing

	HostStats        bool
	ProcessStats     bool
	CollectingPeriod time.Duration
	StatsPeriods     []time.Duration // 1 to 3, sorted
	StatsHisto       int             // samples kept, 10 to 1500
	IrixMode         bool            // CPU of a process relative to one core, not to all
	TailLimit        int64           // bytes of a log page
	TailfLimit       int64           // bytes a log page that follows begins with

	Log SupvisorsLog
}

// SupvisorsLog is where the cluster's messages go.
type SupvisorsLog struct {
	Own      bool   // a log of its own; false (AUTO) shares the daemon's
	File     string // absolute, "syslog", or "" for none
	MaxBytes int64
	Backups  int
	Level    slog.Level
}

// SupvisorsProblem is what is wrong with an option of [rpcinterface:supvisors], at its place or else that of the section.
func (c *Config) SupvisorsProblem(key, text string) Problem {
	doc := c.source.packed.Unpack()
	value, ok := doc.Lookup(supvisorsSection, key)
	if !ok {
		value.Pos = doc.Header(supvisorsSection)
	}
	return Problem{value.Pos, supvisorsSection, key, text}
}

// UnknownCoreIdentifiers returns a warning for each of core_identifiers that is not known, as a node or a stereotype.
func (c *Config) UnknownCoreIdentifiers(known func(name string) bool) []Problem {
	var found []Problem
	for _, name := range c.Supvisors.CoreIdentifiers {
		if !known(name) {
			found = append(found, c.SupvisorsProblem("core_identifiers", name+" is no node or stereotype that is known here"))
		}
	}
	return found
}

// EventLink is the protocol of the event interface for clients.
type EventLink int

// The event links. The numbers are Supvisors'.
const (
	NoEventLink EventLink = iota
	ZMQ
	WebSocket
)

var eventLinks = []string{"NONE", "ZMQ", "WS"}

// String returns the name used in files.
func (l EventLink) String() string { return nameOf(eventLinks, l) }

// ParseEventLink returns the event link of that name, in any case.
func ParseEventLink(s string) (EventLink, error) {
	return parseEnum[EventLink]("event_link", eventLinks, s)
}
