package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/device"
	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/node"
	deviceapi "github.com/supvisors/supvisors/rest/device"
)

const (
	// fleetPath is where a node takes requests of the device API that another node has taken for it.
	fleetPath = "/cluster/device"
	// maxFleetAnswer bounds the answer of another node, in bytes.
	maxFleetAnswer = 16 << 20
)

// newDevice makes the device of this node; nil when no listener serves it.
func (s *session) newDevice(p *daemonProcess) (*device.Device, error) {
	o := s.cfg.Device
	if o == nil {
		return nil, nil
	}
	c := device.Config{Options: deviceOptions(o), Supervisor: s.sup, Bus: p.bus, Started: s.cfg, Folder: s.state.folder, Keys: s.state.keys,
		System: host.New(s.children, s.log.Logger), Version: version, Load: func() (*config.Config, error) { return s.reread(p) },
		Protected: []string{s.state.folder.Path("")}, Workers: s.workers, Manager: s.manager,
		Identify: func() { s.sup.SendRemoteComm("identify", s.cfg.Supervisord.Identifier) }, Logger: s.log.Logger}
	for _, r := range s.cfg.Rest {
		if slices.Contains(r.APIs, "device") && r.Socket == "" && c.APIPort == 0 {
			c.APIPort = r.Server.Port
			c.Address = net.JoinHostPort(cmp.Or(r.Server.Host, "127.0.0.1"), strconv.Itoa(r.Server.Port))
		}
	}
	if s.node != nil {
		c.Cluster, c.FSM = s.node, driver{s.node}
		c.Statistics, c.Collector = s.events.statistics, s.events.collector
		c.Rules, c.Leave, c.Rejoin = s.reloadRules, s.emptyNode, s.fillNode
		c.Call = func(ctx context.Context, identifier string, r deviceapi.Request, scope deviceapi.Scope) (deviceapi.Answer, error) {
			return callDevice(ctx, s.node, identifier, r, scope)
		}
	}
	if s.agent != nil {
		c.Tell = s.agent.noted
	}
	return device.New(c)
}

// driver is the loop of the FSM, which keeps its own time.
type driver struct{ *node.Node }

func (d driver) Turned() time.Time { return d.Ticked() }

func deviceOptions(o *config.Device) device.Options {
	mode := lock.Exists
	if o.Flock {
		mode = lock.Flock
	}
	return device.Options{UUID: o.UUID, Name: o.Name, Apps: o.Apps, DataDirs: o.DataDirs, DataRoot: o.DataRoot, LockDir: o.LockDir, LockMode: mode,
		LegacyLocks: o.LegacyLocks, OverrideLock: o.OverrideLock, InjectEnv: device.Injection{All: o.InjectAll, Groups: o.InjectGroups},
		UpdatePollInterval: o.UpdatePollInterval, Allow: o.Allow, DryRun: o.DryRun, RebootCommand: o.RebootCommand,
		ShutdownCommand: o.ShutdownCommand, BlinkCommand: o.BlinkCommand, HostnameCommand: o.HostnameCommand, ProxyCommand: o.ProxyCommand,
		LEDPath: o.LEDPath, ProxyFile: o.ProxyFile, ConnectivityCheck: o.ConnectivityCheck, ConnectivityTargets: o.ConnectivityTargets,
		ConnectivityInterval: o.ConnectivityInterval}
}

// envelope carries a request of the device API, and the rights of who made it, to another node. All of it is signed.
type envelope struct {
	Scope  deviceapi.Scope
	Method string
	Path   string
	Query  string
	Body   []byte
}

// callDevice has another node answer a request.
func callDevice(ctx context.Context, n *node.Node, identifier string, r deviceapi.Request, scope deviceapi.Scope) (deviceapi.Answer, error) {
	data, err := json.Marshal(envelope{scope, r.Method, r.Path, r.Query, r.Body})
	if err != nil {
		return deviceapi.Answer{}, err
	}
	resp, err := n.Request(ctx, http.MethodPost, identifier, fleetPath, data)
	if err != nil {
		return deviceapi.Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFleetAnswer))
	return deviceapi.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}

// serveForwarded answers what another node asks for one of its clients.
func serveForwarded(h *deviceapi.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e envelope
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		target := e.Path
		if e.Query != "" {
			target += "?" + e.Query
		}
		inner, err := http.NewRequestWithContext(r.Context(), e.Method, target, bytes.NewReader(e.Body))
		if err != nil {
			http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		inner.RemoteAddr = r.RemoteAddr
		if len(e.Body) > 0 {
			inner.Header.Set("Content-Type", "application/json")
		}
		h.ServeForwarded(w, inner, e.Scope)
	})
}

// deviceHandler is the device API at a listener.
func (s *site) deviceHandler(r *config.Rest, names []string) (*deviceapi.Handler, error) {
	c := deviceapi.Config{Device: s.device, Log: s.deps.Log.Logger}
	if r != nil {
		c.Door = doorOf(r, names)
	}
	return deviceapi.New(c)
}

// doorOf is who may come in to the device and the agent API at a listener; names are what browsers may call it by.
func doorOf(r *config.Rest, names []string) deviceapi.Door {
	d := deviceapi.Door{TrustLoopback: r.TrustLoopback, Hosts: append(slices.Clone(names), r.Server.AllowedHosts...), Origins: r.Origins}
	if r.Server.Username != "" {
		d.Login = func(user, password string) bool {
			return fits(user, password, r.Server.Username, r.Server.Password)
		}
	}
	return d
}
