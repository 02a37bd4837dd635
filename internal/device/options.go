package device

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/lock"
)

// Options are those of [device]. The zero value is an API that reads, starts, stops, restarts and updates.
type Options struct {
	UUID string         // 32 lower-case hex digits; "" is made of the machine and the identifier, and kept
	Name string         // device_name; "" is the name of the host
	Apps map[string]int // app_ids: numbers of groups in place of the computed ones, 1 to 2^31-1

	DataDirs map[string]string // data_dirs: absolute path by group, what a purge empties
	DataRoot string            // absolute path that all of them must be below; "" for none

	LockDir      string    // absolute; "" is lock.DefaultDir
	LockMode     lock.Mode // exists or flock
	LegacyLocks  bool      // lock.LegacyFiles lock the whole node
	OverrideLock bool      // every operation is forced
	InjectEnv    Injection // which groups are told of this API in their environment

	UpdatePollInterval time.Duration // update_poll_interval, whole seconds; 0 updates on demand only

	Allow  []string // of purge, reboot, shutdown, host-config and fleet
	DryRun bool     // all is done as in earnest, but for what host.System does, which is logged

	// Commands are words without a shell; none is nil. In the one of the host name, {hostname} stands for it.
	RebootCommand   []string
	ShutdownCommand []string
	BlinkCommand    []string
	HostnameCommand []string
	ProxyCommand    []string // after the proxy file was written or removed
	LEDPath         string   // brightness file of a LED (sysfs); "" for none
	ProxyFile       string   // absolute, for redsocks; the addresses that go without a proxy are in no_proxy beside it

	ConnectivityCheck    bool          // the reachability probe is on from the beginning
	ConnectivityTargets  []string      // host:port; none are the peers
	ConnectivityInterval time.Duration // between two probes; 0 is 60 s
}

// Injection says which groups get the variables of Device.Environment (inject_env).
type Injection struct {
	All    bool
	Groups []string
}

func (i Injection) has(group string) bool { return i.All || slices.Contains(i.Groups, group) }
