package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/agent"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/rules"
)

// lockLimit is how long the cluster's own jobs wait for an application to give its update lock back.
const lockLimit = 10 * time.Minute

// emptyLimit is how long the end of the host waits for the cluster to move what is managed to other nodes.
const emptyLimit = time.Minute

// clusterOptions turns [rpcinterface:supvisors] into the options of the core. The error names what keeps the node from taking part.
func clusterOptions(ctx context.Context, cfg *config.Config, set *rules.Set, logger *slog.Logger) (cluster.Config, error) {
	s := cfg.Supvisors
	o := cluster.Config{
		Core: s.CoreIdentifiers, SyncTimeout: s.SynchroTimeout, AutoFence: s.AutoFence,
		Failure: s.FailureStrategy, Starting: s.Starting, Conciliation: s.Conciliation,
		LockLimit: lockLimit, Discovery: s.MulticastGroup != "" || len(s.Join) > 0, Strict: s.StrictConsistency, WaitExitLimit: s.WaitExitLimit,
		Rules: set,
	}
	for _, option := range s.SynchroOptions {
		o.Sync[option] = true
	}
	port := cfg.Inet[0].Port // a configuration without one is not loaded
	for _, i := range s.Instances {
		o.Instances = append(o.Instances, cluster.Identity{Identifier: i.Identifier(), Nick: i.Nick, Host: i.Host, Port: i.Port})
	}
	if len(o.Instances) == 0 {
		self, err := alone(cfg.Supervisord.Identifier, port)
		if err != nil {
			return cluster.Config{}, err
		}
		o.Instances = append(o.Instances, self)
	}
	self, err := node.FindSelf(ctx, o.Instances, port)
	if err != nil {
		return cluster.Config{}, err
	}
	o.Self = self.Identifier
	if name := cfg.Supervisord.Identifier; name != defaultIdentifier && name != self.Nick {
		text := fmt.Sprintf("mismatch between Supervisor identifier %q and local Supvisors identified in supvisors_list %q", name, self.Nick)
		logger.Warn(cfg.SupvisorsProblem("supvisors_list", text).String())
	}
	network := node.LocalNetwork(ctx)
	for i := range o.Instances {
		if id := &o.Instances[i]; id.Identifier == o.Self {
			id.Stereotypes, id.Network, id.Machine = s.Stereotypes, network, network.MachineID
		}
	}
	return o, nil
}

// defaultIdentifier is the name of a Supervisor that was given none.
const defaultIdentifier = "supervisor"

// alone is a node without a supvisors_list.
func alone(nick string, port int) (cluster.Identity, error) {
	host, err := os.Hostname()
	if err != nil {
		return cluster.Identity{}, fmt.Errorf("name of this host: %w", err)
	}
	id := net.JoinHostPort(host, strconv.Itoa(port))
	if nick == "" || nick == defaultIdentifier {
		nick = id
	}
	return cluster.Identity{Identifier: id, Nick: nick, Host: host, Port: port}, nil
}

// loadRules reads the rules files and logs what is wrong with them; nil when there are none. As in Supvisors, one wrong file and none of
// them is applied: the node runs all the same, without managed applications, and the log says why.
func loadRules(files []string, read reader, logger *slog.Logger) (*rules.Set, []rules.Problem) {
	if len(files) == 0 {
		return nil, nil
	}
	set, problems := rules.LoadWith(files, read)
	for _, p := range problems {
		level := slog.LevelError
		if p.Warning {
			level = slog.LevelWarn
		}
		p.Warning = false // the level says it
		logger.Log(context.Background(), level, p.String())
	}
	if set == nil {
		logger.Error("the rules files are not applied: no application is managed")
	}
	return set, problems
}

// clusterSecret is what the nodes of a cluster share: cluster_secret, or else the login of their port.
func clusterSecret(cfg *config.Config) string {
	if cfg.Supvisors.ClusterSecret != "" {
		return cfg.Supvisors.ClusterSecret
	}
	inet := cfg.Inet[0]
	if inet.Username == "" && inet.Password == "" {
		return ""
	}
	return inet.Username + ":" + inet.Password
}

// newNode makes the cluster side of the daemon on its open port.
func (s *session) newNode(ctx context.Context) (*node.Node, error) {
	cfg, options, port, inet := s.cfg, s.options, s.doors.split, s.cfg.Inet[0]
	advertise, err := gossip.ResolveAdvertise(ctx, options.Self, port.Addr())
	if err != nil {
		return nil, err
	}
	files := listener.TLSFiles{Cert: inet.CertFile, Key: inet.KeyFile, CA: inet.CACerts}
	var client *tls.Config
	if files.Enabled() {
		if client, err = files.Client(); err != nil {
			return nil, err
		}
	}
	var start agent.Start
	if s.agent != nil {
		start = s.agent.start
	}
	trust := gossip.NewTrust(cmp.Or(start.Secret, clusterSecret(cfg)), options.Self)
	trust.RequireCert = files.Enabled() && files.CA != ""
	peers := peersOf(cfg, options)
	for _, addr := range start.Join {
		peers = append(peers, gossip.Peer{Addr: addr})
	}
	file := termFile(cfg)
	if options.Term, err = readTerm(file); err != nil {
		return nil, err
	}
	var multicast *gossip.Multicast
	if o := cfg.Supvisors; o.MulticastGroup != "" {
		multicast = &gossip.Multicast{TTL: o.MulticastTTL}
		if multicast.Group, err = netip.ParseAddrPort(o.MulticastGroup); err != nil {
			return nil, fmt.Errorf("multicast_group: %w", err)
		}
		if o.MulticastInterface != "" {
			if multicast.Interface, err = netip.ParseAddr(o.MulticastInterface); err != nil {
				return nil, fmt.Errorf("multicast_interface: %w", err)
			}
		}
	}
	n, err := node.New(node.Config{
		Core: options, Withdrawn: start.Standing == cluster.Withdrawn, Ordered: s.agent.ordered,
		Gossip: gossip.Config{Advertise: advertise, Meta: gossip.Meta{Version: version, HTTPPort: inet.Port}, Peers: peers,
			Discovery: options.Discovery, Multicast: multicast, Trust: trust, Streams: port.Streams, Packets: port.Packets, TLS: client, Logger: s.cluster.Logger,
			InactivityTicks: cfg.Supvisors.InactivityTicks},
		Local: s.local, TLS: client, End: s.endNode, Logger: s.cluster.Logger,
		SaveTerm: func(term uint64) error { return writeTerm(file, term) },
	})
	if err == nil && start.Standing == cluster.Reserved {
		n.SetStanding(cluster.Reserved)
	}
	return n, err
}

// peersOf are the nodes to be met first.
func peersOf(cfg *config.Config, options cluster.Config) (peers []gossip.Peer) {
	for _, id := range options.Instances {
		peers = append(peers, gossip.Peer{Name: id.Identifier, Addr: id.Identifier})
	}
	for _, addr := range cfg.Supvisors.Join {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			addr = net.JoinHostPort(addr, strconv.Itoa(cfg.Inet[0].Port))
		}
		peers = append(peers, gossip.Peer{Addr: addr})
	}
	return peers
}

// reloadRules reads the rules files again and applies them. If they are wrong, those that were read before stay in force.
func (s *session) reloadRules() error {
	read, err := rulesReader(s.cfg)
	if err != nil {
		return err
	}
	files := s.cfg.Supvisors.RulesFiles
	set, problems := loadRules(files, s.noting(read), s.cluster.Logger)
	s.problems.Store(&problems)
	if set == nil && len(files) > 0 {
		return errors.New("the rules files are not applied, see the log")
	}
	s.rules.Store(set)
	s.node.SetRules(set)
	return nil
}

// emptyNode has the cluster move what is managed to other nodes, as long as it can; fillNode takes that back.
func (s *session) emptyNode(ctx context.Context) error {
	s.standing = s.node.View().Self.Standing
	ctx, cancel := context.WithTimeout(ctx, emptyLimit)
	defer cancel()
	watch := s.node.Watch(1)
	defer watch.Close()
	s.node.SetStanding(cluster.Draining)
	return node.Drained(ctx, watch.C)
}

func (s *session) fillNode(context.Context) error {
	s.node.SetStanding(s.standing)
	return nil
}

// termFile is where the term of the cluster is kept: beside the pid file.
func termFile(cfg *config.Config) string {
	pidfile := cfg.Supervisord.Pidfile
	return strings.TrimSuffix(pidfile, filepath.Ext(pidfile)) + ".term"
}

func readTerm(file string) (uint64, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read term: %w", err)
	}
	term, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read term of %s: %w", file, err)
	}
	return term, nil
}

// writeTerm replaces the file in one go.
func writeTerm(file string, term uint64) error {
	temp := file + ".new"
	if err := os.WriteFile(temp, []byte(strconv.FormatUint(term, 10)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, file)
}
