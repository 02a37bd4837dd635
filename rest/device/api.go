package device

import (
	"context"
	"net/http"
	"time"
)

// Device is a node as this API needs it. Every method may be called from any goroutine; those with a context may wait. When the context
// of an operation ends, its caller waits no longer, and the operation goes on to its end.
//
// An application is named as clients name it: by its number, by that number as text, or by the name of its group. The errors of this
// file tell what is to be answered; any other error is a failure of the node.
type Device interface {
	// Health reads what the node has published about itself. It never waits for anybody.
	Health() Health
	// State is what GET /v1/device shows.
	State(ctx context.Context) (State, error)
	// App is what GET /v1/apps/:appId shows; secrets tells whether values that look secret may be shown.
	App(ctx context.Context, app string, secrets bool) (App, error)
	// AppName returns the name of the group that app stands for, or an *UnknownApp.
	AppName(app string) (string, error)
	// Allows reports whether the option allow of [device] names what is off without it: purge, reboot, shutdown, host-config or fleet.
	// The operations themselves are only called when it does.
	Allows(what string) bool

	// StartApp starts what is stopped of an application here and waits until it runs.
	StartApp(ctx context.Context, app string) (Containers, error)
	// StopApp stops what runs of an application here, under its lock.
	StopApp(ctx context.Context, app string, force bool) (Containers, error)
	// RestartApp stops and starts what runs of an application here, under its lock.
	RestartApp(ctx context.Context, app string, force bool) error
	// Purge empties the data directory of an application, under its lock, while its processes are stopped. The error is *NotPossible when
	// none is declared, *NotFound when it does not exist.
	Purge(ctx context.Context, app string, force bool) error
	// Update asks for the configuration to be read again and applied; it does not wait. cancel ends a run that is under way after its
	// current group.
	Update(force, cancel bool)
	// Reboot and Shutdown stop all applications under their locks; what follows happens after they have returned.
	Reboot(ctx context.Context, force bool) error
	Shutdown(ctx context.Context, force bool) error

	// Blink has the node show itself for 15 s.
	Blink()
	// SetProbe switches the reachability probe until the daemon ends.
	SetProbe(on bool)
	// HostConfig is the network of the host; secrets tells whether the password of the proxy may be shown.
	HostConfig(ctx context.Context, secrets bool) (HostConfig, error)
	// SetHostConfig changes what is not nil. The values have the form that HostConfigChange describes.
	SetHostConfig(ctx context.Context, change HostConfigChange, force bool) error

	// Scope returns what a key opens, false when it opens nothing. It takes as long for any key.
	Scope(key string) (Scope, bool)
	// RegenerateKey makes the key of this scope, the global one or that of an application, invalid and returns the new one.
	RegenerateKey(ctx context.Context, scope Scope) (key string, err error)

	// Resolve returns the nodes that a request to the fleet is for, at least one, and exactly one when the target names one. The error is
	// *NotFound when there is none, *BadRequest when a name stands for several.
	Resolve(to Target) ([]Node, error)
	// Forward has another node answer a request of the device API: there it goes to Handler.ServeForwarded with the same scope. The error
	// is *Unreachable when the node is not RUNNING or does not answer.
	Forward(ctx context.Context, node Node, scope Scope, r Request) (Answer, error)
}

// Scope is what a caller may do: everything, everything that only looks, or what concerns one application.
type Scope struct {
	Global bool
	Read   bool
	App    string // name of the group whose key it is; "" with the others
	// Keyless marks a caller who is trusted for where it calls from (trust_loopback, a Unix socket): nothing secret is told to it.
	Keyless bool
}

// Health is the state of the five checks.
type Health struct{ Checks []Check }

// Check is one of them.
type Check struct {
	Name   string // loop, update, report, collector, store
	OK     bool
	Detail string
	Age    time.Duration // of what it looked at
}

// Healthy reports whether all checks are fine.
func (h Health) Healthy() bool {
	for _, c := range h.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// State is the device.
type State struct {
	APIPort          int
	IPAddresses      []string // IPv4, without loopback
	MACAddresses     []string
	Commit           string // 40 hex: hash of the effective configuration
	Status           string // Idle, Starting, Stopping or Installing
	OSVersion        string
	Version          string // of the daemon
	UpdatePending    bool
	UpdateDownloaded bool
	UpdateFailed     bool
	UUID             string // 32 hex
	DeviceID         int
	Name             string
	Identifier       string
	FSMState         string // "" without a cluster
	Apps             []AppState
}

// AppState is one application in the State.
type AppState struct {
	ID     int
	Name   string
	Status string
}

// App is an application on this node.
type App struct {
	AppState
	Commit   string
	Services []Service // in the order of their priority
}

// Service is one process of an application.
type Service struct {
	Name        string
	Status      string
	ContainerID string // 64 hex, another one after each start
	ImageID     string // absolute path of the program
	PID         int
	Env         map[string]string // configured and injected, without private names
}

// Containers are the processes that an operation was about.
type Containers struct {
	First     string            // container id of the first by priority
	IDs       map[string]string // by the name of the process
	Elsewhere map[string]string // processes that were left alone since they run on another node: its identifier
}

// HostConfig is the network of the host.
type HostConfig struct {
	Hostname string
	Proxy    *Proxy // nil without one
}

// Proxy is how the host reaches the network.
type Proxy struct {
	Type     string // socks4, socks5, http-connect or http-relay
	IP       string
	Port     int
	Login    string
	Password string
	NoProxy  []string
}

// HostConfigChange is what a PATCH asks for; nil leaves it. An empty host name, or a Proxy without a type, is the default again. Any other
// host name is one of RFC 1123; any other Proxy is complete, of a known type, its IP an address or a host name; no text of it has control
// characters, quotes or backslashes, and no entry of NoProxy has spaces.
type HostConfigChange struct {
	Hostname *string
	Proxy    *Proxy
}

// Target is whom a request to the fleet is for: the node that fits all of the first three that are set, which must have the application
// if one is set as well, or all nodes that have the application.
type Target struct {
	UUID       string
	DeviceID   int    // 0 for none
	Identifier string // or nick
	App        string
}

// Node is one node of the fleet.
type Node struct {
	UUID       string
	DeviceID   int
	Identifier string
	Local      bool // it is this node: Forward is not called for it
}

// Request is a request of this API for another node.
type Request struct {
	Method string
	Path   string // "/v1/…" or "/ping", escaped as in a URL
	Query  string // without a key
	Body   []byte // JSON; nil for none
}

// Answer is what a node answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Locked tells that an application holds its update lock.
type Locked struct{ Text string }

// Error returns "Updates are locked: " and the text.
func (e *Locked) Error() string { return "Updates are locked: " + e.Text }

// UnknownApp tells that there is no such application here.
type UnknownApp struct{ App string }

// Error returns the text for clients.
func (e *UnknownApp) Error() string { return "App not found: " + e.App }

// NotFound tells that what a request is about does not exist.
type NotFound struct{ Text string }

// Error returns the text.
func (e *NotFound) Error() string { return e.Text }

// NotAllowed tells that an operation is off; What is its word in the option allow of [device].
type NotAllowed struct{ What string }

// Error returns the text for clients.
func (e *NotAllowed) Error() string {
	return e.What + " is disabled on this node; add it to allow in [device]"
}

// NotPossible tells that an operation is allowed and that this node cannot do it.
type NotPossible struct{ Text string }

// Error returns the text.
func (e *NotPossible) Error() string { return e.Text }

// BadRequest tells that what a client asks for makes no sense.
type BadRequest struct{ Text string }

// Error returns the text.
func (e *BadRequest) Error() string { return e.Text }

// Unreachable tells that a node of the fleet does not answer, or not in time.
type Unreachable struct {
	Text    string
	Timeout bool
}

// Error returns the text.
func (e *Unreachable) Error() string { return e.Text }
