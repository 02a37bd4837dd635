package journal

import (
	"encoding/json"
	"fmt"
)

// Source is what a record is about: one of the types of this file. Its JSON is the event_source of the agent API.
type Source interface {
	// Type returns the source_type of the agent API.
	Type() string

	// attribute returns the values that a selection compares; one of several has to satisfy it. It reports false for an attribute
	// that this type of source does not have.
	attribute(name string) ([]string, bool)
}

// Workload names the application of an agreement.
type Workload struct {
	URL     string `json:"url"`
	Org     string `json:"org"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
}

// String returns the workload as a selection on the whole workload_to_run compares it, in the words of the Horizon agent.
func (w Workload) String() string {
	return "{" + w.URL + " " + w.Org + " " + w.Version + " " + w.Arch + "}"
}

// ServiceRef names an application that another one needs.
type ServiceRef struct {
	URL string `json:"url"`
	Org string `json:"organization"`
}

// String returns "organization/url".
func (s ServiceRef) String() string {
	if s.Org == "" {
		return s.URL
	}
	return s.Org + "/" + s.URL
}

// Agreement is the Master's decision that an application runs on this node.
type Agreement struct {
	ID                string       `json:"agreement_id"`
	Workload          Workload     `json:"workload_to_run"`
	DependentServices []ServiceRef `json:"dependent_services"`
	ConsumerID        string       `json:"consumer_id"`
	Protocol          string       `json:"agreement_protocol"`
}

// Service is an application of this node's configuration, or an instance of it.
type Service struct {
	InstanceID   string   `json:"instance_id"`
	URL          string   `json:"service_url"`
	Org          string   `json:"organization"`
	Version      string   `json:"version"`
	Arch         string   `json:"arch"`
	AgreementIDs []string `json:"agreement_id"`
}

// Node is this node or a peer.
type Node struct {
	ID          string `json:"node_id"`
	Org         string `json:"node_org"`
	Pattern     string `json:"pattern"`
	ConfigState string `json:"config_state"`
}

// Exchange is the cluster, seen through its Master.
type Exchange struct {
	URL string `json:"exchange_url"`
}

// Database is the persisted state of this node.
type Database struct{}

// Type implements Source.
func (Agreement) Type() string { return "agreement" }

// Type implements Source.
func (Service) Type() string { return "service" }

// Type implements Source.
func (Node) Type() string { return "node" }

// Type implements Source.
func (Exchange) Type() string { return "exchange" }

// Type implements Source.
func (Database) Type() string { return "database" }

func (a Agreement) attribute(name string) ([]string, bool) {
	switch name {
	case "agreement_id":
		return []string{a.ID}, true
	case "consumer_id":
		return []string{a.ConsumerID}, true
	case "agreement_protocol":
		return []string{a.Protocol}, true
	case "workload_to_run":
		return []string{a.Workload.String()}, true
	case "workload_to_run.url":
		return []string{a.Workload.URL}, true
	case "workload_to_run.org":
		return []string{a.Workload.Org}, true
	case "workload_to_run.version":
		return []string{a.Workload.Version}, true
	case "workload_to_run.arch":
		return []string{a.Workload.Arch}, true
	case "dependent_services":
		return texts(a.DependentServices, ServiceRef.String), true
	case "dependent_services.url":
		return texts(a.DependentServices, func(s ServiceRef) string { return s.URL }), true
	case "dependent_services.organization":
		return texts(a.DependentServices, func(s ServiceRef) string { return s.Org }), true
	case "service_url": // a service that is needed, or the one that needs it
		return append(texts(a.DependentServices, func(s ServiceRef) string { return s.URL }), a.Workload.URL), true
	}
	return nil, false
}

func (s Service) attribute(name string) ([]string, bool) {
	switch name {
	case "instance_id":
		return []string{s.InstanceID}, true
	case "service_url":
		return []string{s.URL}, true
	case "organization":
		return []string{s.Org}, true
	case "version":
		return []string{s.Version}, true
	case "arch":
		return []string{s.Arch}, true
	case "agreement_id":
		return s.AgreementIDs, true
	}
	return nil, false
}

func (n Node) attribute(name string) ([]string, bool) {
	switch name {
	case "node_id":
		return []string{n.ID}, true
	case "node_org":
		return []string{n.Org}, true
	case "pattern":
		return []string{n.Pattern}, true
	case "config_state":
		return []string{n.ConfigState}, true
	}
	return nil, false
}

func (e Exchange) attribute(name string) ([]string, bool) {
	if name == "exchange_url" {
		return []string{e.URL}, true
	}
	return nil, false
}

func (Database) attribute(string) ([]string, bool) { return nil, false }

func texts[T any](all []T, text func(T) string) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = text(v)
	}
	return out
}

// MarshalJSON sends a list, be it empty, where clients iterate over one.
func (a Agreement) MarshalJSON() ([]byte, error) {
	type plain Agreement
	if a.DependentServices == nil {
		a.DependentServices = []ServiceRef{}
	}
	return json.Marshal(plain(a))
}

// MarshalJSON sends a list, be it empty, where clients iterate over one.
func (s Service) MarshalJSON() ([]byte, error) {
	type plain Service
	if s.AgreementIDs == nil {
		s.AgreementIDs = []string{}
	}
	return json.Marshal(plain(s))
}

// decoders reads the JSON of each type of source.
var decoders = map[string]func([]byte) (Source, error){
	Agreement{}.Type(): decodeAs[Agreement],
	Service{}.Type():   decodeAs[Service],
	Node{}.Type():      decodeAs[Node],
	Exchange{}.Type():  decodeAs[Exchange],
	Database{}.Type():  decodeAs[Database],
}

func decodeSource(kind string, data []byte) (Source, error) {
	decoder, ok := decoders[kind]
	if !ok {
		return nil, fmt.Errorf("unknown source type %q", kind)
	}
	return decoder(data)
}

func decodeAs[S Source](data []byte) (Source, error) {
	var s S
	err := json.Unmarshal(data, &s)
	return s, err
}
