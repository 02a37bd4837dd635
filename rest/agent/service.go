package agent

import (
	"encoding/base64"
	"maps"
	"net/http"
	"runtime"
	"slices"
)

// Services are the configurations and runs of the applications of a node.
type Services struct {
	Definitions []Definition
	Instances   []Instance
}

// Definition is the configuration of an application, a former one if Archived.
type Definition struct {
	RecordID    string
	Application Application
	Label       string
	Description string
	Requires    []ServiceDependency
	Processes   []Process
	Signature   string // of the configuration, base64; "" without one
	Updated     Seconds
	Archived    bool
	Hash        []byte // SHA-256 of the effective configuration
}

// Process is what an application has a process do.
type Process struct {
	Name        string
	Command     string
	Environment map[string]string
	Directory   string
	User        string
	Autostart   bool
}

type servicesBody struct {
	Config      []configBody              `json:"config"`
	Definitions archiveBody[definition]   `json:"definitions"`
	Instances   archiveBody[instanceBody] `json:"instances"`
}

// archiveBody has what is, and what has been.
type archiveBody[T any] struct {
	Active   []T `json:"active"`
	Archived []T `json:"archived"`
}

func newArchive[T any]() archiveBody[T] { return archiveBody[T]{[]T{}, []T{}} }

func (b *archiveBody[T]) add(one T, archived bool) {
	if archived {
		b.Archived = append(b.Archived, one)
	} else {
		b.Active = append(b.Active, one)
	}
}

func services(c *call) error {
	all, err := c.agent.Services(c.r.Context())
	if err != nil {
		return err
	}
	body := servicesBody{c.configs(), newArchive[definition](), newArchive[instanceBody]()}
	for i := range all.Definitions {
		d := &all.Definitions[i]
		body.Definitions.add(d.body(c.secrets()), d.Archived)
	}
	for i := range all.Instances {
		body.Instances.add(all.Instances[i].body(), all.Instances[i].Archived)
	}
	return c.json(http.StatusOK, body)
}

// definition is a Definition for clients. What is about upgrades and images says that there are none.
type definition struct {
	RecordID            string              `json:"record_id"`
	Owner               string              `json:"owner"`
	Label               string              `json:"label"`
	Description         string              `json:"description"`
	SpecRef             string              `json:"specRef"`
	Organization        string              `json:"organization"`
	Version             string              `json:"version"`
	Arch                string              `json:"arch"`
	Sharable            string              `json:"sharable"`
	DownloadURL         string              `json:"downloadUrl"`
	MatchHardware       struct{}            `json:"matchHardware"`
	UserInput           []userInputBody     `json:"userInput"`
	Workloads           []struct{}          `json:"workloads"`
	Public              bool                `json:"public"`
	RequiredServices    []ServiceDependency `json:"requiredServices"`
	Deployment          string              `json:"deployment"`
	DeploymentSignature string              `json:"deployment_signature"`
	LastUpdated         Seconds             `json:"lastUpdated"`
	Archived            bool                `json:"archived"`
	Name                string              `json:"name"`
	RequestedArch       string              `json:"requested_arch"`
	UpgradeVersionRange string              `json:"upgrade_version_range"`
	AutoUpgrade         bool                `json:"auto_upgrade"`
	ActiveUpgrade       bool                `json:"active_upgrade"`
	UpgradeStart        Seconds             `json:"upgrade_start_time"`
	UpgradeUnregistered Seconds             `json:"upgrade_ms_unregistered_time"`
	UpgradeCleared      Seconds             `json:"upgrade_agreements_cleared_time"`
	UpgradeExecution    Seconds             `json:"upgrade_execution_start_time"`
	UpgradeReregistered Seconds             `json:"upgrade_ms_reregistered_time"`
	UpgradeFailed       Seconds             `json:"upgrade_failed_time"`
	UpgradeFailure      uint64              `json:"upgrade_failure_reason"`
	UpgradeDescription  string              `json:"upgrade_failure_description"`
	UpgradeNewID        string              `json:"upgrade_new_ms_id"`
	MetadataHash        string              `json:"metadata_hash"`
	ImageStore          struct{}            `json:"imageStore"`
}

type userInputBody struct {
	Name    string `json:"name"`
	Label   string `json:"label"`
	Type    string `json:"type"`
	Default string `json:"defaultValue"`
}

type processBody struct {
	Command     string            `json:"command"`
	Environment map[string]string `json:"environment"`
	Directory   string            `json:"directory"`
	User        string            `json:"user"`
	Autostart   bool              `json:"autostart"`
}

func (d *Definition) body(secrets bool) definition {
	app := &d.Application
	b := definition{
		RecordID: d.RecordID, Owner: "local", Label: d.Label, Description: d.Description, SpecRef: app.url(), Organization: app.Organization,
		Version: app.Version, Arch: runtime.GOARCH, Sharable: "singleton", Public: true, RequiredServices: listed(d.Requires),
		DeploymentSignature: d.Signature, LastUpdated: d.Updated, Archived: d.Archived, Name: app.Name, RequestedArch: runtime.GOARCH,
		UpgradeVersionRange: anyVersion, AutoUpgrade: true, MetadataHash: base64.StdEncoding.EncodeToString(d.Hash),
	}
	inputs, deployed := map[string]string{}, map[string]processBody{}
	for _, p := range d.Processes {
		env := shownVariables(p.Environment, secrets)
		maps.Copy(inputs, env)
		deployed[p.Name] = processBody{p.Command, env, p.Directory, p.User, p.Autostart}
	}
	b.UserInput = []userInputBody{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		b.UserInput = append(b.UserInput, userInputBody{name, name, "string", inputs[name]})
	}
	b.Deployment = jsonText(map[string]any{"services": deployed})
	return b
}

// shownVariables returns an environment with those masked that are called like a secret, unless secrets are shown.
func shownVariables(env map[string]string, secrets bool) map[string]string {
	shown := map[string]string{}
	for name, value := range env {
		if !secrets && isSecret(name) {
			value = masked
		}
		shown[name] = value
	}
	return shown
}

// listed returns a list that is one in JSON as well.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// jsonText returns JSON as a text, which is itself a value of a document.
func jsonText(value any) string { return string(compact(value)) }
