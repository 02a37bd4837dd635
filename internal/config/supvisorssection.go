package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rules"
)

const (
	supvisorsSection = "rpcinterface:supvisors"
	factoryKey       = "supervisor.rpcinterface_factory"
	supvisorsFailure = "Could not make supvisors rpc interface: "
)

// supvisors reads [rpcinterface:supvisors]. As in Supvisors a bad value is a warning and the default holds, but for the list of
// nodes, the log and the options of our own.
func (l *loader) supvisors(inet []InetServer) *Supvisors {
	if !l.doc.Has(supvisorsSection) {
		return nil
	}
	s := l.section(supvisorsSection, ini.Vars{"host_node_name": l.host})
	s.lookup(factoryKey)
	v := &Supvisors{Log: s.supvisorsLog()}
	v.SoftwareName = try(s, "software_name", "", plain)
	v.SoftwareIcon = try(s, "software_icon", "", s.firstFile("software_icon"))
	v.Stereotypes = try(s, "stereotypes", nil, parseNames)
	v.MulticastGroup = try(s, "multicast_group", "", parseMulticastGroup)
	v.MulticastInterface = try(s, "multicast_interface", "", parseInterface)
	v.MulticastTTL = try(s, "multicast_ttl", 1, between("multicast_ttl", 0, 255))
	v.RulesFiles = try(s, "rules_files", nil, s.files("rules_files"))
	v.CSSFiles = try(s, "css_files", nil, s.files("css_files"))
	v.EventLink = try(s, "event_link", NoEventLink, ParseEventLink)
	v.EventPort = try(s, "event_port", 0, between("port", 1, 65535))
	v.AutoFence = try(s, "auto_fence", false, ini.Bool)
	v.DisabilitiesFile = try(s, "disabilities_file", "", parseOptionalPath)
	v.TailLimit = try(s, "tail_limit", 1024, ini.ByteSize)
	v.TailfLimit = try(s, "tailf_limit", 1024, ini.ByteSize)
	s.statistics(v)
	s.strategies(v)
	s.own(v)
	s.instances(v, inet)
	s.synchronization(v)
	return v
}

// supvisorsLog reads the options of the log. Supvisors does not start with bad ones.
func (s *section) supvisorsLog() SupvisorsLog {
	log := SupvisorsLog{
		File:     get(s, "logfile", autoLog, fatal(parseLogFile)),
		MaxBytes: get(s, "logfile_maxbytes", defaultLogSize, fatal(ini.ByteSize)),
		Backups:  get(s, "logfile_backups", defaultBackups, fatal(ini.Int)),
		Level:    get(s, "loglevel", 0, fatal(ini.Level)),
	}
	log.Own = log.File != autoLog
	switch log.File {
	case autoLog:
		log.File = ""
	case "", syslogFile:
	default:
		s.normalize("logfile", &log.File)
	}
	return log
}

// fatal gives the errors of a value that stops Supvisors the text that Supervisor then ends with.
func fatal[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(text string) (T, error) {
		value, err := parse(text)
		if err != nil {
			err = fmt.Errorf("%s%w", supvisorsFailure, err)
		}
		return value, err
	}
}

func (s *section) statistics(v *Supvisors) {
	kinds := try(s, "stats_enabled", statistics{true, true}, parseStatistics)
	v.HostStats, v.ProcessStats = kinds.host, kinds.process
	v.CollectingPeriod = try(s, "stats_collecting_period", 5*time.Second, parsePeriod("stats_collecting_period"))
	v.StatsPeriods = try(s, "stats_periods", []time.Duration{10 * time.Second}, parsePeriods)
	v.StatsHisto = try(s, "stats_histo", 200, parseHisto)
	v.IrixMode = try(s, "stats_irix_mode", false, ini.Bool)
}

func (s *section) strategies(v *Supvisors) {
	v.FailureStrategy = try(s, "supvisors_failure_strategy", rules.FailureContinue, enum("supvisors_failure_strategy", rules.FailureShutdown))
	v.Starting = try(s, "starting_strategy", rules.Config, enum("starting_strategy", rules.MostLoadedNode))
	v.Conciliation = try(s, "conciliation_strategy", rules.ConciliationUser, enum("conciliation_strategy", rules.ConciliationRunningFailure))
}

// own reads the options that Supvisors does not have. A bad one is an error.
func (s *section) own(v *Supvisors) {
	v.Join = get(s, "join", nil, parseJoin)
	v.StrictConsistency = get(s, "strict_consistency", true, ini.Bool)
	v.WaitExitLimit = get(s, "wait_exit_limit", 0, parseSeconds)
	v.ClusterSecret = get(s, "cluster_secret", "", parseSecret)
	file, ok := s.expanded("cluster_secret_file")
	if !ok {
		return
	}
	if _, both := s.lookup("cluster_secret"); both {
		s.failAt(file.Pos, "cluster_secret_file", "cluster_secret is given too, and only one of them can hold")
		return
	}
	v.ClusterSecret = get(s, "cluster_secret_file", "", s.readSecret)
}

func parseSecret(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("the secret is empty")
	}
	return s, nil
}

// maxSecret bounds the file of a secret, in bytes.
const maxSecret = 64 << 10

// readSecret returns the content of the file without the blanks around it.
func (l *loader) readSecret(path string) (string, error) {
	path, err := l.ownFile(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return "", fmt.Errorf("read the secret: %s is no file of at most %d bytes", path, maxSecret)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the secret: %w", err)
	}
	return parseSecret(strings.TrimSpace(string(text)))
}

// instances reads supvisors_list. Supvisors needs a TCP server, and takes each node for one identifier.
func (s *section) instances(v *Supvisors, inet []InetServer) {
	if len(inet) == 0 {
		s.fail(supvisorsFailure + "Supervisor MUST be configured using inet_http_server: " + s.path)
		return
	}
	list, ok := s.expanded("supvisors_list")
	if !ok {
		return
	}
	items, _ := parseNames(list.Text)
	for _, item := range items {
		instance, err := ParseInstance(item, inet[0].Port, v.EventPort)
		if err != nil {
			s.failAt(list.Pos, "", supvisorsFailure+err.Error())
			continue
		}
		same := func(other Instance) bool {
			return other.Nick == instance.Nick || other.Identifier() == instance.Identifier()
		}
		if i := slices.IndexFunc(v.Instances, same); i >= 0 {
			s.warn(Problem{list.Pos, s.name, "supvisors_list", fmt.Sprintf("%s names the same node as %s and is ignored", item, v.Instances[i])})
			continue
		}
		v.Instances = append(v.Instances, instance)
	}
}

// synchronization reads the options of the synchronization phase and drops, with Supvisors' words, those that cannot work.
func (s *section) synchronization(v *Supvisors) {
	v.SynchroOptions = try(s, "synchro_options", []rules.SyncOption{rules.SyncStrict, rules.SyncTimeout, rules.SyncCore}, parseSynchroOptions)
	v.SynchroTimeout = time.Duration(try(s, "synchro_timeout", 15, limited("synchro_timeout", 15, 1200, " (seconds)"))) * time.Second
	v.InactivityTicks = try(s, "inactivity_ticks", 2, limited("inactivity_ticks", 2, 720, ""))
	v.CoreIdentifiers = try(s, "core_identifiers", nil, parseNames)

	value, ok := s.lookup("synchro_options")
	if !ok {
		value.Pos = s.pos()
	}
	drop := func(option rules.SyncOption, empty bool, needs string) {
		if i := slices.Index(v.SynchroOptions, option); i >= 0 && empty {
			s.warn(Problem{value.Pos, s.name, "synchro_options", fmt.Sprintf("cancellation of synchro_options %s with no %s", option, needs)})
			v.SynchroOptions = slices.Delete(v.SynchroOptions, i, i+1)
		}
	}
	_, hasList := s.lookup("supvisors_list")
	drop(rules.SyncCore, len(v.CoreIdentifiers) == 0, "core_identifiers")
	drop(rules.SyncStrict, !hasList || len(v.Instances) == 0, "supvisors_list")
	if len(v.SynchroOptions) == 0 {
		s.failAt(value.Pos, "synchro_options", supvisorsFailure+"synchro_options shall not be empty")
	}
	if slices.Contains(v.SynchroOptions, rules.SyncTimeout) && v.FailureStrategy != rules.FailureContinue {
		at, _ := s.lookup("supvisors_failure_strategy")
		s.warn(Problem{at.Pos, s.name, "supvisors_failure_strategy",
			"force supvisors_failure_strategy=CONTINUE because it is incompatible with synchro_options=TIMEOUT"})
		v.FailureStrategy = rules.FailureContinue
	}
}

// files reads blank-separated patterns, expanded once more as Supvisors does. A relative one is looked for beside the
// configuration file, then in the working directory, where Supvisors looks.
func (s *section) files(key string) func(string) ([]string, error) {
	return func(text string) ([]string, error) {
		patterns, err := s.expand(text, "rpcinterface.supvisors")
		if err != nil {
			return nil, err
		}
		var found []string
		for _, pattern := range strings.Fields(patterns) {
			files := ini.Glob(pattern)
			if !filepath.IsAbs(pattern) {
				if beside := ini.Glob(filepath.Join(s.here, pattern)); len(beside) > 0 {
					files = beside
				}
			}
			for _, file := range files {
				abs, err := filepath.Abs(file)
				if err != nil {
					return nil, fmt.Errorf("find %s: %w", file, err)
				}
				found = append(found, abs)
			}
		}
		if text != "" && len(found) == 0 {
			v, _ := s.lookup(key)
			s.warn(Problem{v.Pos, s.name, key, "no file found matching " + text})
		}
		slices.Sort(found)
		return slices.Compact(found), nil
	}
}

// firstFile reads patterns of which one file is wanted.
func (s *section) firstFile(key string) func(string) (string, error) {
	return func(text string) (string, error) {
		files, err := s.files(key)(text)
		if err != nil {
			return "", err
		}
		files = slices.DeleteFunc(files, func(file string) bool {
			info, err := os.Stat(file)
			return err != nil || !info.Mode().IsRegular()
		})
		if len(files) == 0 {
			return "", nil
		}
		if len(files) > 1 {
			v, _ := s.lookup(key)
			s.warn(Problem{v.Pos, s.name, key, fmt.Sprintf("multiple candidates found matching %s - %s", text, ini.ReprList(files))})
		}
		return files[0], nil
	}
}
