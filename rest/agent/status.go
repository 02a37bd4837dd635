package agent

import (
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// Status is the node in its cluster.
type Status struct {
	Exchange        string          // URL of the RPC interface of the Master; "" without one
	ExchangeVersion string          // its version
	OldestVersion   string          // of the node protocol that this node understands
	Version         string          // of that of this node, and of its software
	Connectivity    map[string]bool // by the nick name of the peer: could be reached at the last probe
	Identifier      string
	Nick            string
	FSMState        string // "" without a cluster
	Master          string // identifier; "" without one
	Uptime          time.Duration
}

// Workers are the long-lived parts of the daemon.
type Workers struct {
	Workers []Worker
	// Log is what became of them, oldest first. The last 1,000 entries are shown.
	Log []WorkerEvent
}

// Worker is one part.
type Worker struct {
	Name   string
	Status string            // added, started, initialized, "initialization failed", terminating, terminated or none
	Subs   map[string]string // status of each of its own parts, by name
}

// WorkerEvent is a change of a worker, or of its part Sub.
type WorkerEvent struct {
	Time   time.Time // shown as local
	Worker string
	Sub    string
	Status string
}

// String returns the line for clients.
func (e WorkerEvent) String() string {
	at := e.Time.Local().Format(time.DateTime)
	if e.Sub != "" {
		return fmt.Sprintf("%s Worker %s: subworker %s %s.", at, e.Worker, e.Sub, e.Status)
	}
	return fmt.Sprintf("%s Worker %s: %s.", at, e.Worker, e.Status)
}

type statusBody struct {
	Configuration configurationBody `json:"configuration"`
	Connectivity  map[string]bool   `json:"connectivity"`
	Identifier    string            `json:"identifier"`
	Nick          string            `json:"nick_identifier"`
	FSMState      string            `json:"fsm_statename"`
	Master        string            `json:"master_identifier"`
	Uptime        uint64            `json:"uptime"` // seconds
}

type configurationBody struct {
	Exchange         string `json:"exchange_api"`
	ExchangeVersion  string `json:"exchange_version"`
	OldestVersion    string `json:"required_minimum_exchange_version"`
	PreferredVersion string `json:"preferred_exchange_version"`
	MMS              string `json:"mms_api"`   // there is none
	Agbot            string `json:"agbot_api"` // likewise
	Architecture     string `json:"architecture"`
	Version          string `json:"horizon_version"`
}

func status(c *call) error {
	s, err := c.agent.Status(c.r.Context())
	if err != nil {
		return err
	}
	connectivity := s.Connectivity
	if connectivity == nil {
		connectivity = map[string]bool{}
	}
	return c.json(http.StatusOK, statusBody{
		Configuration: configurationBody{
			Exchange: s.Exchange, ExchangeVersion: s.ExchangeVersion, OldestVersion: s.OldestVersion, PreferredVersion: s.Version,
			Architecture: runtime.GOARCH, Version: s.Version,
		},
		Connectivity: connectivity, Identifier: s.Identifier, Nick: s.Nick, FSMState: s.FSMState, Master: s.Master,
		Uptime: uint64(max(0, s.Uptime) / time.Second),
	})
}

// maxWorkerLog is how many entries of the log of the workers are shown.
const maxWorkerLog = 1000

type workersBody struct {
	Workers map[string]workerBody `json:"workers"`
	Log     []string              `json:"worker_status_log"`
}

type workerBody struct {
	Name   string            `json:"name"`
	Status string            `json:"status"`
	Subs   map[string]string `json:"subworker_status"`
}

func workers(c *call) error {
	all, err := c.agent.Workers(c.r.Context())
	if err != nil {
		return err
	}
	body := workersBody{Workers: map[string]workerBody{}, Log: []string{}}
	for _, w := range all.Workers {
		subs := w.Subs
		if subs == nil {
			subs = map[string]string{}
		}
		body.Workers[w.Name] = workerBody{w.Name, w.Status, subs}
	}
	for _, e := range all.Log[max(0, len(all.Log)-maxWorkerLog):] {
		body.Log = append(body.Log, e.String())
	}
	return c.json(http.StatusOK, body)
}
