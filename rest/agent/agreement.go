package agent

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Agreement is a decision of the Master that processes of an application run on this node. The rest of its JSON says that there are no
// blockchains and no metering.
type Agreement struct {
	Name         string
	ID           string // 64 hex digits
	Consumer     string // organization/nick name of the Master; "local" without one
	Counterparty string // its identifier

	Created           Seconds // the request has come
	Accepted          Seconds // and can be met
	Started           Seconds // the first process is spawned
	DataReceived      Seconds // the first process is RUNNING
	Finalized         Seconds // all are, or have exited as they should
	Terminated        Seconds // it was decided to end it
	WorkloadEnded     Seconds // the last process has stopped
	ProtocolEnded     Seconds // the Master was told
	ForceTerminated   Seconds // found open when the daemon started
	Reason            int     // why it ended; 0 before
	ReasonDescription string

	Proposal   Proposal
	Deployment map[string]Deployed // by the name of the process
	Workload   Workload
	Dependents []ServiceDependency
	Archived   bool
}

// Proposal is how the Master has decided.
type Proposal struct {
	Strategy   string   `json:"strategy"`
	Load       int      `json:"load"` // by the rules, percent
	Candidates []string `json:"candidates"`
	Chosen     string   `json:"chosen"`
	Trigger    string   `json:"trigger"` // start_application, restart_sequence, failure, conciliation or re-place
	Processes  []string `json:"processes"`
}

// Deployed is what a process of an agreement was started as.
type Deployed struct {
	Command     []string
	Program     string
	Environment map[string]string
	Labels      map[string]string
}

type agreementBody struct {
	Name                string                  `json:"name"`
	Dependents          []ServiceDependency     `json:"dependent_services"`
	Archived            bool                    `json:"archived"`
	ID                  string                  `json:"current_agreement_id"`
	Consumer            string                  `json:"consumer_id"`
	Counterparty        string                  `json:"counterparty_address"`
	Created             Seconds                 `json:"agreement_creation_time"`
	Accepted            Seconds                 `json:"agreement_accepted_time"`
	BlockchainAck       Seconds                 `json:"agreement_bc_update_ack_time"`
	Finalized           Seconds                 `json:"agreement_finalized_time"`
	Terminated          Seconds                 `json:"agreement_terminated_time"`
	ForceTerminated     Seconds                 `json:"agreement_force_terminated_time"`
	Started             Seconds                 `json:"agreement_execution_start_time"`
	DataReceived        Seconds                 `json:"agreement_data_received_time"`
	Deployment          map[string]deployedBody `json:"current_deployment"`
	Proposal            string                  `json:"proposal"`
	ProposalSignature   string                  `json:"proposal_sig"`
	Protocol            string                  `json:"agreement_protocol"`
	ProtocolVersion     int                     `json:"protocol_version"`
	Reason              int                     `json:"terminated_reason"`
	ReasonDescription   string                  `json:"terminated_description"`
	ProtocolEnded       Seconds                 `json:"agreement_protocol_terminated_time"`
	WorkloadEnded       Seconds                 `json:"workload_terminated_time"`
	Metering            struct{}                `json:"metering_notification"`
	Workload            Workload                `json:"workload_to_run"`
	Timeout             Seconds                 `json:"agreement_timeout"`
	BlockchainType      string                  `json:"blockchain_type"`
	BlockchainName      string                  `json:"blockchain_name"`
	BlockchainOrg       string                  `json:"blockchain_org"`
	FailedVerifications uint64                  `json:"failed_verification_attempts"`
}

type deployedBody struct {
	Config     deployedConfig `json:"config"`
	HostConfig struct{}       `json:"host_config"`
}

type deployedConfig struct {
	Env    []string          `json:"Env"`
	Cmd    []string          `json:"Cmd"`
	Image  string            `json:"Image"`
	Labels map[string]string `json:"Labels"`
}

// archived reports whether an agreement is told with those that have ended.
func (a *Agreement) archived() bool { return a.Archived || a.Terminated != 0 }

func (a *Agreement) body(secrets bool) agreementBody {
	b := agreementBody{
		Name: a.Name, Dependents: listed(a.Dependents), Archived: a.Archived, ID: a.ID, Consumer: a.Consumer, Counterparty: a.Counterparty,
		Created: a.Created, Accepted: a.Accepted, Finalized: a.Finalized, Terminated: a.Terminated, ForceTerminated: a.ForceTerminated,
		Started: a.Started, DataReceived: a.DataReceived, Deployment: map[string]deployedBody{}, Proposal: jsonText(a.Proposal),
		Protocol: "Basic", ProtocolVersion: 1, Reason: a.Reason, ReasonDescription: a.ReasonDescription, ProtocolEnded: a.ProtocolEnded,
		WorkloadEnded: a.WorkloadEnded, Workload: a.Workload,
	}
	for name, d := range a.Deployment {
		env := []string{}
		for key, value := range shownVariables(d.Environment, secrets) {
			env = append(env, key+"="+value)
		}
		slices.Sort(env)
		labels := d.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		b.Deployment[name] = deployedBody{Config: deployedConfig{env, listed(d.Command), d.Program, labels}}
	}
	return b
}

type agreementsBody struct {
	Agreements archiveBody[agreementBody] `json:"agreements"`
}

func agreements(c *call) error {
	all, err := c.agent.Agreements(c.r.Context())
	if err != nil {
		return err
	}
	return c.sendAgreements(all)
}

func agreement(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	all, err := c.agent.Agreements(c.r.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a Agreement) bool { return a.ID == id })
	if i < 0 {
		return &NotFound{"agreement", "there is no such agreement"}
	}
	return c.sendAgreements(all[i : i+1])
}

func (c *call) sendAgreements(all []Agreement) error {
	body := agreementsBody{newArchive[agreementBody]()}
	for i := range all {
		body.Agreements.add(all[i].body(c.secrets()), all[i].archived())
	}
	slices.SortFunc(body.Agreements.Active, func(a, b agreementBody) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(body.Agreements.Archived, func(a, b agreementBody) int {
		return cmp.Or(cmp.Compare(a.Terminated, b.Terminated), strings.Compare(a.ID, b.ID))
	})
	return c.json(http.StatusOK, body)
}

func cancelAgreement(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	avoid, err := c.flag("avoid", false)
	if err != nil {
		return err
	}
	if err := c.agent.Cancel(c.r.Context(), id, avoid); err != nil {
		return err
	}
	return c.empty()
}
