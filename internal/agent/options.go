package agent

import (
	"slices"
	"time"
)

// Options are those of [agent].
type Options struct {
	Organization string            // "" is supvisors
	URLs         map[string]string // service_urls: what clients call an application, by its name
	Versions     map[string]string // service_versions, by the name of the application; 1.0.0 where there is none

	AutoConfigure  bool          // auto_configure: a node that was neither registered nor unregistered by a client is a full member
	AllowJoin      bool          // allow_join: clients may name peers that are not configured
	QuiesceTimeout time.Duration // quiesce_timeout: how long an unregistration leaves it to the Master to empty the node; 0 is 300 s

	InjectAll      bool     // inject_env: which groups get the HZN_ variables
	InjectGroups   []string // likewise, unless all do
	RestartOnInput bool     // restart_on_input: processes whose environment has changed are restarted
}

// injects reports whether the processes of a group get the HZN_ variables.
func (o *Options) injects(group string) bool {
	return o.InjectAll || slices.Contains(o.InjectGroups, group)
}

const (
	defaultOrganization = "supvisors"
	defaultVersion      = "1.0.0"
	defaultQuiesce      = 300 * time.Second
)
