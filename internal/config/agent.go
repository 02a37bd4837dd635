package config

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
)

// Agent are the options of [agent].
type Agent struct {
	Organization    string            // "supvisors" by default
	ServiceURLs     map[string]string // aliases of applications
	ServiceVersions map[string]string // of applications
	AutoConfigure   bool              // the node registers itself at start
	NodeGone404     bool
	QuiesceTimeout  time.Duration // at least a second
	InputNames      []string      // variables that users may set although they are refused otherwise
	RestartOnInput  bool
	InjectAll       bool     // inject_env = true
	InjectGroups    []string // or the groups that are named
	AllAgreements   bool     // agreements = all
	SignedRules     bool     // require_signed has rules
	SignedConfig    bool     // require_signed has config
	AllowJoin       bool
}

// agentName is what the agent API takes as a name.
var agentName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9 \-*+()?&!_.@,:/\\]+$`)
})

// agent reads [agent]; without one all options have their defaults.
func (l *loader) agent() *Agent {
	s := l.section("agent", ini.Vars{"host_node_name": l.host})
	signed := get(s, "require_signed", nil, oneOrMore([]string{"rules", "config"}))
	a := &Agent{
		Organization:    get(s, "organization", "supvisors", parseAgentName),
		ServiceURLs:     get(s, "service_urls", nil, pairs(parseAgentName)),
		ServiceVersions: get(s, "service_versions", nil, pairs(parseAgentName)),
		AutoConfigure:   get(s, "auto_configure", true, ini.Bool),
		NodeGone404:     get(s, "node_gone_404", false, ini.Bool),
		QuiesceTimeout:  get(s, "quiesce_timeout", 5*time.Minute, parseTimeout),
		InputNames: get(s, "input_names", nil, func(text string) ([]string, error) {
			names, _ := parseNames(text)
			for _, name := range names {
				if _, err := parseAgentName(name); err != nil {
					return nil, err
				}
			}
			return names, nil
		}),
		RestartOnInput: get(s, "restart_on_input", false, ini.Bool),
		AllAgreements:  get(s, "agreements", "managed", oneOf("managed", "all")) == "all",
		SignedRules:    slices.Contains(signed, "rules"),
		SignedConfig:   slices.Contains(signed, "config"),
		AllowJoin:      get(s, "allow_join", false, ini.Bool),
	}
	a.InjectAll, a.InjectGroups = s.injection()
	return a
}

func parseAgentName(s string) (string, error) {
	if !agentName().MatchString(s) {
		return "", fmt.Errorf(`%s is not made of letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \`, ini.Repr(s))
	}
	return s, nil
}

// parseTimeout reads seconds, at least one: nobody waits for ever.
func parseTimeout(s string) (time.Duration, error) {
	d, err := parseSeconds(s)
	if err == nil && d == 0 {
		err = fmt.Errorf("%s is not 1 or more seconds", ini.Repr(s))
	}
	return d, err
}
