package device

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

const (
	tickPeriod   = 5 * time.Second  // of the loops that are watched
	minLoopAge   = 10 * time.Second // what is allowed at least to a loop
	minApply     = 30 * time.Second // to an apply
	minCollector = 30 * time.Second // to the collector of statistics
)

// Health implements device.Device. It only reads what others have published; ages are those of the monotonic clock, which stands still
// while the host is suspended.
func (d *Device) Health() device.Health {
	now := time.Now()
	return device.Health{Checks: []device.Check{d.checkLoop(now), d.checkUpdate(now), d.checkReport(), d.checkCollector(now), d.checkStore()}}
}

// checkLoop looks at the loops of the process manager and of the cluster.
func (d *Device) checkLoop(now time.Time) device.Check {
	c := device.Check{Name: "loop", OK: true, Detail: "the loops turn"}
	if d.sup.State() != supervisor.Running { // they end while processes may still take their time to stop
		c.Detail = "the daemon is ending"
		return c
	}
	look := func(what string, turned time.Time) {
		if turned.IsZero() {
			turned = d.begun // it has not begun yet
		}
		age := now.Sub(turned)
		if c.Age = max(c.Age, age); age > max(2*tickPeriod, minLoopAge) {
			c.OK, c.Detail = false, fmt.Sprintf("the loop of the %s has not turned for %s", what, age.Round(time.Second))
		}
	}
	look("process manager", d.cfg.Manager.Turned())
	if d.cluster != nil {
		look("cluster", d.cfg.FSM.Turned())
	}
	return c
}

func (d *Device) checkUpdate(now time.Time) device.Check {
	s := d.update.status()
	c := device.Check{Name: "update", OK: true, Detail: "no update is under way"}
	if s.running {
		c.Age, c.Detail = now.Sub(s.begun), "an update is under way"
		if limit := 2 * max(d.options.UpdatePollInterval, s.limit, minApply); c.Age > limit {
			c.OK, c.Detail = false, fmt.Sprintf("an update is under way for more than %s", limit)
		}
	}
	return c
}

// checkReport looks at peers that could have the state of this node and do not take it. That the network is bad is no illness of the node.
func (d *Device) checkReport() device.Check {
	c := device.Check{Name: "report", OK: true, Detail: "the peers that can be reached know the state of this node"}
	reach := d.Reach()
	switch {
	case d.cluster == nil:
		c.Detail = "there is no cluster"
		return c
	case !reach.On:
		c.Detail = "the reachability probe is off"
		return c
	case !reach.When.IsZero():
		c.Age = time.Since(reach.When)
	}
	var names []string
	for name, rounds := range *d.probe.unread.Load() {
		if rounds > maxUnread {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		c.OK, c.Detail = false, "peers that can be reached do not get the state of this node: "+strings.Join(names, ", ")
	}
	return c
}

func (d *Device) checkCollector(now time.Time) device.Check {
	c := device.Check{Name: "collector", OK: true, Detail: "statistics are off"}
	if d.cfg.Statistics == nil {
		return c
	}
	status := d.cfg.Statistics.Status()
	if !status.Host && !status.Process {
		return c
	}
	sampled := d.cfg.Collector.Turned()
	if sampled.IsZero() {
		sampled = d.begun
	}
	c.Age, c.Detail = now.Sub(sampled), "statistics are collected"
	if c.Age > max(3*status.Period, minCollector) {
		c.OK, c.Detail = false, fmt.Sprintf("no sample for %s", c.Age.Round(time.Second))
	}
	return c
}

func (d *Device) checkStore() device.Check {
	if err := d.folder.Failed(); err != nil {
		return device.Check{Name: "store", Detail: err.Error()}
	}
	return device.Check{Name: "store", OK: true, Detail: "the last write was done"}
}
