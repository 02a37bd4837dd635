package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rules"
)

// The values of [rpcinterface:supvisors]. The error texts are Supvisors'.

// parseNames reads a list of names, each kept once.
func parseNames(s string) ([]string, error) {
	var names []string
	for _, name := range ini.List(s) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func parseJoin(s string) ([]string, error) {
	peers, _ := parseNames(s)
	for _, peer := range peers {
		if err := checkPeer(peer); err != nil {
			return nil, err
		}
	}
	return peers, nil
}

// between reads a number with both bounds allowed.
func between(what string, low, high int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := ini.Int(s)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf(`invalid value for %s: "%s". integer expected in (%d, %d)`, what, s, low, high)
		}
		return n, nil
	}
}

// limited is between with the other error text that Supvisors has.
func limited(what string, low, high int, unit string) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := ini.Int(s)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf(`invalid value for %s: "%s". integer expected in [%d;%d]%s`, what, s, low, high, unit)
		}
		return n, nil
	}
}

func parseHisto(s string) (int, error) { return limited("stats_histo", 10, 1500, " (seconds)")(s) }

// reservedGroups are addresses that no application may use.
var reservedGroups = []string{"224.0.0.0", "232.0.0.0", "233.0.0.0", "239.0.0.0"}

func parseMulticastGroup(s string) (string, error) {
	address, port, ok := strings.Cut(s, ":")
	if !ok {
		return "", fmt.Errorf(`invalid value for multicast_group: "%s". "ip_address:port" expected`, s)
	}
	if slices.Contains(reservedGroups, address) {
		return "", fmt.Errorf(`reserved multicast address: "%s". reserved addresses are %s`, address, ini.ReprList(reservedGroups))
	}
	first, ok := ipv4(address)
	if !ok || first < 224 || first > 239 {
		return "", fmt.Errorf(`invalid value for multicast address: "%s". IP address expected from 224.0.0.0 to 239.255.255.255`, address)
	}
	number, err := between("port", 1, 65535)(port)
	if err != nil {
		return "", err
	}
	return address + ":" + strconv.Itoa(number), nil
}

// parseInterface reads the address of an interface; "" stands for all of them.
func parseInterface(s string) (string, error) {
	if s == "ANY" || s == "INADDR_ANY" {
		return "", nil
	}
	if _, ok := ipv4(s); !ok {
		return "", fmt.Errorf(`invalid value for IP address: "%s"`, s)
	}
	return s, nil
}

// ipv4 reports whether the text is an IPv4 address, and returns its first byte.
func ipv4(s string) (first int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return 0, false
	}
	for i, part := range parts {
		n, err := ini.Int(part)
		if err != nil || n < 0 || n > 255 {
			return 0, false
		}
		if i == 0 {
			first = n
		}
	}
	return first, true
}

func parseSynchroOptions(s string) ([]rules.SyncOption, error) {
	names, _ := parseNames(s)
	parse := enum("synchro_options", rules.SyncUser)
	var options []rules.SyncOption
	for _, name := range names {
		option, err := parse(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(options, option) {
			options = append(options, option)
		}
	}
	return options, nil
}

// statistics says which samples are taken.
type statistics struct{ host, process bool }

var statisticsNames = []string{"OFF", "HOST", "PROCESS", "ALL"}

// parseStatistics reads a list of OFF, HOST, PROCESS and ALL; a boolean stands for ALL or OFF.
func parseStatistics(s string) (statistics, error) {
	items := ini.List(s)
	if len(items) == 0 {
		return statistics{}, fmt.Errorf("invalid value for stats_enabled: <empty>")
	}
	var kinds statistics
	for _, item := range items {
		switch strings.ToUpper(item) {
		case "OFF":
		case "HOST":
			kinds.host = true
		case "PROCESS":
			kinds.process = true
		case "ALL":
			kinds = statistics{true, true}
		default:
			all, err := ini.Bool(item)
			if err != nil {
				return statistics{}, fmt.Errorf(`invalid value for stats_enabled: "%s". expected in %s`, s, ini.ReprList(statisticsNames))
			}
			kinds.host, kinds.process = kinds.host || all, kinds.process || all
		}
	}
	return kinds, nil
}

// parsePeriod reads seconds from 1 to 3600, also with a fraction.
func parsePeriod(option string) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		seconds, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || !(seconds >= 1 && seconds <= 3600) {
			return 0, fmt.Errorf(`invalid value for %s: "%s". float expected in [1.0;3600.0] (seconds)`, option, s)
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
}

func parsePeriods(s string) ([]time.Duration, error) {
	items := ini.List(s)
	switch {
	case len(items) == 0:
		return nil, fmt.Errorf("unexpected number of stats_periods: 0. minimum is 1")
	case len(items) > 3:
		return nil, fmt.Errorf("unexpected number of stats_periods: %d. maximum is 3", len(items))
	}
	var periods []time.Duration
	for _, item := range items {
		period, err := parsePeriod("stats_periods")(item)
		if err != nil {
			return nil, err
		}
		periods = append(periods, period)
	}
	slices.Sort(periods)
	return periods, nil
}

// parseOptionalPath makes a path absolute; an empty one stands for none.
func parseOptionalPath(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return ini.Normalize(s)
}

// parseSeconds reads a whole number of seconds, 0 or more.
func parseSeconds(s string) (time.Duration, error) {
	const most = 365 * 24 * 3600
	n, err := between("seconds", 0, most)(s)
	return time.Duration(n) * time.Second, err
}
