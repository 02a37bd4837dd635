package device

import (
	"cmp"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/worker"
)

const (
	probeTimeout  = 2 * time.Second // of one connection
	probeInterval = time.Minute     // when connectivity_interval says nothing
	maxProbes     = 16              // at a time
	// maxUnread is how many rounds in a row a peer may answer the probe and not take over the state of this node.
	maxUnread = 3
)

// Reach is what a round of the reachability probe has found out.
type Reach struct {
	On      bool            // the probe is on
	When    time.Time       // of the round; zero before the first
	Targets map[string]bool // whether each answers, by host:port or identifier of a peer
}

// probe connects to the peers, or to what connectivity_targets names, from time to time.
type probe struct {
	d      *Device
	worker *worker.Worker
	on     atomic.Bool
	wake   chan struct{}
	reach  atomic.Pointer[Reach]
	unread atomic.Pointer[map[string]int] // rounds in a row, by peer
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

func newProbe(d *Device) *probe {
	p := &probe{d: d, worker: d.cfg.Workers.Add("Probe"), wake: make(chan struct{}, 1), dial: (&net.Dialer{Timeout: probeTimeout}).DialContext}
	p.on.Store(d.options.ConnectivityCheck)
	p.reach.Store(&Reach{})
	p.unread.Store(&map[string]int{})
	return p
}

// SetProbe implements device.Device.
func (d *Device) SetProbe(on bool) {
	d.probe.on.Store(on)
	select {
	case d.probe.wake <- struct{}{}:
	default:
	}
}

// Reach returns what the last round of the reachability probe has found out. The map is shared and not to be changed.
func (d *Device) Reach() Reach {
	r := *d.probe.reach.Load()
	r.On = d.probe.on.Load()
	return r
}

// run probes until ctx ends. While the probe is off it sleeps.
func (p *probe) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		timer.Stop()
		if p.on.Load() {
			p.worker.Set(worker.Started)
			p.round(ctx)
			p.worker.Set(worker.Initialized)
			timer.Reset(cmp.Or(p.d.options.ConnectivityInterval, probeInterval))
		} else {
			p.worker.Set(worker.Terminated)
			p.unread.Store(&map[string]int{})
		}
	}
}

// round tries all targets and looks whether the peers that answer take over the state of this node.
func (p *probe) round(ctx context.Context) {
	targets := p.d.peers()
	if list := p.d.options.ConnectivityTargets; len(list) > 0 {
		targets = map[string]string{}
		for _, address := range list {
			targets[address] = address
		}
	}
	answers := make(map[string]bool, len(targets))
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, maxProbes)
	for name, address := range targets {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			ok := p.answers(ctx, address)
			mu.Lock()
			defer mu.Unlock()
			answers[name] = ok
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return
	}
	p.reach.Store(&Reach{When: time.Now(), Targets: answers})
	p.count(answers)
}

func (p *probe) answers(ctx context.Context, address string) bool {
	conn, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// count counts the rounds in which a peer could be reached and did not take over what this node tells of itself.
func (p *probe) count(answers map[string]bool) {
	unread := map[string]int{}
	if p.d.cluster != nil {
		before := *p.unread.Load()
		behind := map[string]bool{}
		for name := range p.d.peers() {
			behind[name] = answers[name]
		}
		for _, r := range p.d.cluster.Health().Readers {
			if r.Behind == 0 {
				delete(behind, r.Name)
			}
		}
		for name, failed := range behind {
			if failed {
				unread[name] = before[name] + 1
			}
		}
	}
	p.unread.Store(&unread)
}

// peers returns the addresses of the other nodes that are RUNNING, by identifier. Gossip knows better than a name that only the peer itself
// may be able to resolve.
func (d *Device) peers() map[string]string {
	peers := map[string]string{}
	if d.cluster == nil {
		return peers
	}
	view := d.cluster.View()
	for _, i := range view.Instances {
		if i.State == cluster.InstanceRunning && i.Identifier != view.Self.Identifier {
			peers[i.Identifier] = i.Identifier
		}
	}
	for _, m := range d.cluster.Health().Members {
		if _, ok := peers[m.Name]; ok && m.Addr != "" {
			peers[m.Name] = m.Addr
		}
	}
	return peers
}
