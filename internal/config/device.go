package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// deviceAllow are the words of the option allow.
var deviceAllow = []string{"purge", "reboot", "shutdown", "host-config", "fleet"}

// Device are the options of [device].
type Device struct {
	UUID, Name           string
	Apps                 map[string]int
	DataDirs             map[string]string
	DataRoot             string
	LockDir              string
	Flock                bool // lock_mode = flock
	LegacyLocks          bool
	OverrideLock         bool
	InjectAll            bool     // inject_env = true
	InjectGroups         []string // or the groups that are named
	UpdatePollInterval   time.Duration
	Allow                []string
	DryRun               bool
	RebootCommand        []string
	ShutdownCommand      []string
	BlinkCommand         []string
	HostnameCommand      []string
	ProxyCommand         []string
	LEDPath, ProxyFile   string
	ConnectivityCheck    bool
	ConnectivityTargets  []string
	ConnectivityInterval time.Duration
}

var deviceUUID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9a-f]{32}$`)
})

// device reads [device]; without one all options have their defaults.
func (l *loader) device() *Device {
	s := l.section("device", ini.Vars{"host_node_name": l.host})
	d := &Device{
		UUID: get(s, "uuid", "", func(text string) (string, error) {
			if !deviceUUID().MatchString(text) {
				return "", fmt.Errorf("%s is not 32 hexadecimal digits", ini.Repr(text))
			}
			return text, nil
		}),
		Name: s.text("device_name", ""),
		Apps: get(s, "app_ids", nil, pairs(func(text string) (int, error) {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 1<<31-1 {
				return 0, fmt.Errorf("%s is not a number from 1 to 2147483647", ini.Repr(text))
			}
			return n, nil
		})),
		DataDirs:           get(s, "data_dirs", nil, pairs(absolute)),
		DataRoot:           get(s, "data_root", "", absolute),
		LockDir:            get(s, "lock_dir", "", l.ownFile),
		Flock:              get(s, "lock_mode", "exists", oneOf("exists", "flock")) == "flock",
		LegacyLocks:        get(s, "legacy_locks", false, ini.Bool),
		OverrideLock:       get(s, "override_lock", false, ini.Bool),
		UpdatePollInterval: get(s, "update_poll_interval", 0, parseSeconds),
		Allow:              get(s, "allow", nil, oneOrMore(deviceAllow)),
		DryRun:             get(s, "dry_run", false, ini.Bool),
		RebootCommand:      get(s, "reboot_command", nil, process.SplitCommand),
		ShutdownCommand:    get(s, "shutdown_command", nil, process.SplitCommand),
		BlinkCommand:       get(s, "blink_command", nil, process.SplitCommand),
		HostnameCommand:    get(s, "hostname_command", nil, process.SplitCommand),
		ProxyCommand:       get(s, "proxy_command", nil, process.SplitCommand),
		LEDPath:            get(s, "led_path", "", absolute),
		ProxyFile:          get(s, "proxy_file", "", absolute),
		ConnectivityCheck:  get(s, "connectivity_check", true, ini.Bool),
		ConnectivityTargets: get(s, "connectivity_targets", nil, func(text string) ([]string, error) {
			list, _ := parseNames(text)
			for _, target := range list {
				if host, _, err := inetAddress(target); err != nil || host == "" {
					return nil, fmt.Errorf("%s is not host:port", ini.Repr(target))
				}
			}
			return list, nil
		}),
		ConnectivityInterval: get(s, "connectivity_interval", time.Minute, parseSeconds),
	}
	d.InjectAll, d.InjectGroups = s.injection()
	return d
}

// injection reads inject_env: a boolean for all groups, or the names of some.
func (s *section) injection() (all bool, groups []string) {
	inject, ok := s.expanded("inject_env")
	if !ok {
		return false, nil
	}
	all, err := ini.Bool(inject.Text)
	if err != nil {
		groups, _ = parseNames(inject.Text)
	}
	return all, groups
}

// pairs reads a list of name:value.
func pairs[T any](parse func(string) (T, error)) func(string) (map[string]T, error) {
	return func(text string) (map[string]T, error) {
		all := map[string]T{}
		items, _ := parseNames(text)
		for _, item := range items {
			name, value, ok := strings.Cut(item, ":")
			name, value = strings.TrimSpace(name), strings.TrimSpace(value)
			if _, twice := all[name]; !ok || name == "" || twice {
				return nil, fmt.Errorf("%s is not name:value of another name", ini.Repr(item))
			}
			parsed, err := parse(value)
			if err != nil {
				return nil, err
			}
			all[name] = parsed
		}
		return all, nil
	}
}

func absolute(path string) (string, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return "", fmt.Errorf("%s is not an absolute path without detours", ini.Repr(path))
	}
	return path, nil
}
