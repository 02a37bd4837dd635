package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// resolveTimeout is how long a name server may take.
	resolveTimeout = 5 * time.Second
	// maxRemembered bounds the peers that discovery found and that are joined again although nobody configured them.
	maxRemembered = 256
)

// quickAttempts are the pauses before the first attempts to join: nodes that are started together meet within a second.
var quickAttempts = [...]time.Duration{0, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

// rejoiner tries for ever to join the nodes that should be there and are not. memberlist itself gives a node up 30 s after it was
// lost, so that two halves of a cluster would never meet again after a longer partition.
//
// Each peer is tried on a goroutine of its own, so that a slow name server or a silent host delays no other.
type rejoiner struct {
	cfg   *Config
	log   *slog.Logger
	alive func() (names map[string]bool, addrs map[netip.AddrPort]bool)
	join  func(netip.AddrPort) error
	once  onceSet

	news  chan struct{} // holds a token when there is somebody to be tried at once
	mu    sync.Mutex
	peers map[Peer]*rejoin
	found int // how many peers are remembered
	wg    sync.WaitGroup
}

// rejoin is the state of a peer in the rejoiner.
type rejoin struct {
	busy  bool // it is being tried
	found bool // it is not configured, but was seen
}

func newRejoiner(cfg *Config, alive func() (map[string]bool, map[netip.AddrPort]bool), join func(netip.AddrPort) error) *rejoiner {
	r := &rejoiner{cfg: cfg, log: cfg.Logger, alive: alive, join: join, peers: map[Peer]*rejoin{},
		news: make(chan struct{}, 1)}
	for _, p := range cfg.Peers {
		if p.Name != cfg.Name {
			r.peers[p] = &rejoin{}
		}
	}
	return r
}

// remember adds a peer that joined to those that are joined again, where it was last seen. A configured peer is there already.
func (r *rejoiner) remember(name, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, state := range r.peers {
		if p.Name != name {
			continue
		}
		if state.found && p.Addr != addr {
			delete(r.peers, p)
			r.peers[Peer{name, addr}] = &rejoin{found: true}
		}
		return
	}
	if r.found < maxRemembered {
		r.found++
		r.peers[Peer{name, addr}] = &rejoin{found: true}
	}
}

// forget drops a peer that was found.
func (r *rejoiner) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, state := range r.peers {
		if p.Name == name && state.found {
			delete(r.peers, p)
			r.found--
		}
	}
}

// pause returns the time before attempt number n, from 0 on: quick ones first, then, jittered, Rejoin.
func (t Timings) pause(n int) time.Duration {
	if n < len(quickAttempts) {
		return quickAttempts[n]
	}
	return t.Rejoin*4/5 + rand.N(t.Rejoin*2/5)
}

func (r *rejoiner) run(ctx context.Context) {
	defer r.wg.Wait()
	for n := 0; ctx.Err() == nil; n++ {
		r.wait(ctx, r.cfg.Timings.pause(n))
		if ctx.Err() == nil {
			r.attempt(ctx)
		}
	}
}

func (r *rejoiner) wait(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.news:
	case <-ctx.Done():
	}
}

// announced remembers a peer that has said where it is, and has it tried at once if it is not there.
func (r *rejoiner) announced(name, addr string) {
	if names, _ := r.alive(); names[name] {
		return
	}
	r.remember(name, addr)
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// attempt tries all peers that are not there and not being tried.
func (r *rejoiner) attempt(ctx context.Context) {
	names, _ := r.alive()
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, state := range r.peers {
		if state.busy || names[p.Name] {
			continue
		}
		state.busy = true
		r.wg.Go(func() {
			if err := r.try(ctx, p); err != nil && ctx.Err() == nil {
				r.complain(p, err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			state.busy = false
		})
	}
}

// try joins a peer at the addresses that its name has now, but for those where a node is already. One address that answers is
// enough for a peer that has a name; an address to join may stand for many nodes.
func (r *rejoiner) try(ctx context.Context, p Peer) error {
	targets, err := r.cfg.resolve(ctx, p.Addr)
	if err != nil {
		return err
	}
	_, taken := r.alive()
	var errs []error
	for _, addr := range targets {
		if taken[addr] || ctx.Err() != nil {
			continue
		}
		err := r.join(addr)
		if err == nil && p.Name != "" {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// resolve returns the addresses that "host:port" stands for now.
func (c *Config) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip.Unmap(), uint16(n))}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	ips, err := c.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var targets []netip.AddrPort
	for _, ip := range ips {
		targets = append(targets, netip.AddrPortFrom(ip.Unmap(), uint16(n)))
	}
	return targets, nil
}

// complain logs why a peer cannot be joined: that it is not there is nothing special, that it hangs up is.
func (r *rejoiner) complain(p Peer, err error) {
	hangsUp := strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "reset by peer") // memberlist keeps the text only
	if hangsUp && r.once.first(p.Addr) {
		r.log.Warn("node cannot be joined: it hangs up; it may have another cluster secret", "node", p.Name, "address", p.Addr)
	}
	r.log.Debug("node cannot be joined", "node", p.Name, "address", p.Addr, "error", err)
}
