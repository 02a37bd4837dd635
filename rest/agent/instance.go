package agent

import (
	"fmt"
	"runtime"
	"time"
)

// Instance is a run of an application on this node: from its first process started to its last one ended.
type Instance struct {
	ID           string
	Application  Application
	Created      Seconds
	Started      Seconds // its first process
	FailureCode  int     // 0, the exit status of a process, or 200 for one that is FATAL
	FailureText  string  // the spawn error
	Ending       Seconds // when it began to be stopped
	Archived     bool    // it has ended
	Agreements   []string
	Definition   string // RecordID of its configuration
	Managed      bool
	StartRetries int     // allowed
	Retries      int     // done
	RetryStarted Seconds // the present one
	StaleEnv     bool    // its environment has changed since it was started
	Containers   []Container
}

// Container is a process that was started.
type Container struct {
	ID         string // as in the device API
	Program    string // its path
	Command    string
	Created    Seconds
	State      string    // of Supervisor: STARTING, RUNNING and so on; "" when it was never started
	Since      time.Time // when it was started, or has ended; monotonic
	ExitStatus int
	Namespec   string
	PID        int
	Agreement  string // id of the agreement it runs for; "" without one
}

// instanceBody is an Instance for clients.
type instanceBody struct {
	RefURL        string          `json:"ref_url"`
	Organization  string          `json:"organization"`
	Version       string          `json:"version"`
	Arch          string          `json:"arch"`
	ID            string          `json:"instance_id"`
	Archived      bool            `json:"archived"`
	Created       Seconds         `json:"instance_creation_time"`
	Started       Seconds         `json:"execution_start_time"`
	FailureCode   int             `json:"execution_failure_code"`
	FailureText   string          `json:"execution_failure_desc"`
	Ending        Seconds         `json:"cleanup_start_time"`
	Agreements    []string        `json:"associated_agreements"`
	Definition    string          `json:"microservicedef_id"`
	Path          [][]pathBody    `json:"service_instance_path"`
	AgreementLess bool            `json:"agreement_less"`
	StartRetries  int             `json:"max_retries"`
	RetryDuration int             `json:"max_retry_duration"`
	Retries       int             `json:"current_retry_count"`
	RetryStarted  Seconds         `json:"retry_start_time"`
	StaleEnv      bool            `json:"stale_env"`
	Containers    []containerBody `json:"containers"`
}

type pathBody struct {
	URL          string `json:"url"`
	Organization string `json:"org"`
	Version      string `json:"version"`
}

type containerBody struct {
	ID              string            `json:"Id"`
	Image           string            `json:"Image"`
	Command         string            `json:"Command"`
	Created         Seconds           `json:"Created"`
	State           string            `json:"State"`
	Status          string            `json:"Status"`
	Names           []string          `json:"Names"`
	Labels          map[string]string `json:"Labels"`
	NetworkSettings struct{}          `json:"NetworkSettings"`
	Mounts          []struct{}        `json:"Mounts"`
	PID             int               `json:"Pid"`
	Namespec        string            `json:"Namespec"`
}

func (i *Instance) body() instanceBody {
	app := &i.Application
	b := instanceBody{
		RefURL: app.url(), Organization: app.Organization, Version: app.Version, Arch: runtime.GOARCH, ID: i.ID, Archived: i.Archived,
		Created: i.Created, Started: i.Started, FailureCode: i.FailureCode, FailureText: i.FailureText, Ending: i.Ending,
		Agreements: listed(i.Agreements), Definition: i.Definition, Path: [][]pathBody{{{app.url(), app.Organization, app.Version}}},
		AgreementLess: !i.Managed, StartRetries: i.StartRetries, Retries: i.Retries, RetryStarted: i.RetryStarted, StaleEnv: i.StaleEnv,
		Containers: []containerBody{},
	}
	for j := range i.Containers {
		b.Containers = append(b.Containers, i.Containers[j].body(app))
	}
	return b
}

func (p *Container) body(app *Application) containerBody {
	state, status := p.dockerState()
	labels := map[string]string{"openhorizon.anax.service_name": app.url()}
	if p.Agreement != "" {
		labels["openhorizon.anax.agreement_id"] = p.Agreement
	}
	return containerBody{
		ID: p.ID, Image: p.Program, Command: p.Command, Created: p.Created, State: state, Status: status, Names: []string{"/" + p.Namespec},
		Labels: labels, Mounts: []struct{}{}, PID: p.PID, Namespec: p.Namespec,
	}
}

// dockerState returns the state of a process as Docker calls it, and its line in docker ps.
func (p *Container) dockerState() (state, status string) {
	ago := roughly(time.Since(p.Since))
	switch p.State {
	case "STARTING", "BACKOFF":
		return "restarting", fmt.Sprintf("Restarting (%d) %s ago", p.ExitStatus, ago)
	case "RUNNING", "STOPPING":
		return "running", "Up " + ago
	case "EXITED", "STOPPED", "FATAL", "UNKNOWN":
		return "exited", fmt.Sprintf("Exited (%d) %s ago", p.ExitStatus, ago)
	}
	return "created", "Created"
}

// roughly returns a duration as Docker tells it: in its largest unit.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return "Less than a second"
	case d < 2*time.Second:
		return "1 second"
	case d < time.Minute:
		return fmt.Sprintf("%d seconds", d/time.Second)
	case d < 2*time.Minute:
		return "About a minute"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	case d < 2*time.Hour:
		return "About an hour"
	case d < 2*day:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d < 14*day:
		return fmt.Sprintf("%d days", d/day)
	case d < 60*day:
		return fmt.Sprintf("%d weeks", d/(7*day))
	case d < 2*365*day:
		return fmt.Sprintf("%d months", d/(30*day))
	}
	return fmt.Sprintf("%d years", d/(365*day))
}
