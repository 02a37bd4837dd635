package agent

import (
	"encoding/json"
	"maps"
	"net/http"
	"runtime"
	"slices"

	"github.com/supvisors/supvisors/rpc"
)

// Policy is what the Master goes by when it places an application on this node.
type Policy struct {
	Application Application
	Exclusive   bool           // one process at most in the cluster: its distribution is not ALL_INSTANCES
	Properties  []NodeProperty // of the node: cpus, ram, stereotypes
	Rules       any            // a value of the RPC interface: the rules of the application and of its processes
}

// NodeProperty is a named value; one of JSON.
type NodeProperty struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

type policyBody struct {
	Header             headerBody      `json:"header"`
	APISpec            []apiSpecBody   `json:"apiSpec"`
	AgreementProtocols []protocolBody  `json:"agreementProtocols"`
	ValueExchange      struct{}        `json:"valueExchange"`
	ResourceLimits     struct{}        `json:"resourceLimits"`
	DataVerification   meteringBody    `json:"dataVerification"`
	ProposalRejection  struct{}        `json:"proposalRejection"`
	MaxAgreements      int             `json:"maxAgreements"`
	Properties         []NodeProperty  `json:"properties"`
	HAGroup            struct{}        `json:"ha_group"`
	NodeHealth         struct{}        `json:"nodeHealth"`
	Rules              json.RawMessage `json:"supvisors"`
}

type headerBody struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type apiSpecBody struct {
	SpecRef      string `json:"specRef"`
	Organization string `json:"organization"`
	Version      string `json:"version"`
	Exclusive    bool   `json:"exclusiveAccess"`
	Arch         string `json:"arch"`
}

type protocolBody struct {
	Name string `json:"name"`
}

type meteringBody struct {
	Metering struct{} `json:"metering"`
}

func policies(c *call) error {
	all, err := c.agent.Policies(c.r.Context())
	if err != nil {
		return err
	}
	advertised := c.advertised()
	body := map[string]policyBody{}
	for i := range all {
		p := &all[i]
		rules, err := rpc.AppendJSON(nil, p.Rules)
		if err != nil {
			return err
		}
		app := &p.Application
		name := "Policy for " + app.Organization + "_" + app.Name
		body[name] = policyBody{
			Header: headerBody{name, "2.0"},
			APISpec: []apiSpecBody{{
				SpecRef: app.url(), Organization: app.Organization, Version: app.Version, Exclusive: p.Exclusive, Arch: runtime.GOARCH,
			}},
			AgreementProtocols: []protocolBody{{"Basic"}}, MaxAgreements: 1,
			Properties: slices.Concat([]NodeProperty{}, p.Properties, advertised), Rules: json.RawMessage(rules),
		}
	}
	return c.json(http.StatusOK, body)
}

// advertised are the properties that attributes give the node.
func (c *call) advertised() (properties []NodeProperty) {
	for _, a := range c.agent.Settings().Attributes {
		if a.Type != Property || !a.Publishable {
			continue
		}
		shown := mask(a.Type, a.Mappings, c.secrets())
		for _, name := range slices.Sorted(maps.Keys(shown)) {
			properties = append(properties, NodeProperty{name, shown[name]})
		}
	}
	return properties
}
