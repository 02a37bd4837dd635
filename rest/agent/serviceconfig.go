package agent

import (
	"net/http"
	"slices"
)

// ServiceConfig is what a client has said about an application, beside its attributes. Nothing is done with it but to keep it.
type ServiceConfig struct {
	Application   string `json:"application"` // the name of its group
	VersionRange  string `json:"version_range"`
	AutoUpgrade   bool   `json:"auto_upgrade"`
	ActiveUpgrade bool   `json:"active_upgrade"`
}

type configsBody struct {
	Config []configBody `json:"config"`
}

// configBody is an application with the attributes that concern it, in their storage form.
type configBody struct {
	URL           string           `json:"sensor_url"`
	Organization  string           `json:"sensor_org"`
	VersionRange  string           `json:"sensor_version"`
	AutoUpgrade   bool             `json:"auto_upgrade"`
	ActiveUpgrade bool             `json:"active_upgrade"`
	Attributes    []map[string]any `json:"attributes"`
}

func serviceConfigs(c *call) error {
	return c.json(http.StatusOK, configsBody{c.configs()})
}

// configs are those of all applications.
func (c *call) configs() []configBody {
	configs, apps, settings := []configBody{}, c.agent.Applications(), c.agent.Settings()
	for i := range apps {
		app := &apps[i]
		said := ServiceConfig{VersionRange: anyVersion, AutoUpgrade: true}
		if j := settings.service(app.Name); j >= 0 {
			said = settings.Services[j]
		}
		b := configBody{app.url(), app.Organization, said.VersionRange, said.AutoUpgrade, said.ActiveUpgrade, []map[string]any{}}
		for j := range settings.Attributes {
			if applies, _ := settings.Attributes[j].appliesTo(app); applies {
				b.Attributes = append(b.Attributes, c.shown(settings.Attributes[j], apps).storage())
			}
		}
		configs = append(configs, b)
	}
	return configs
}

// service returns the place of what was said about an application, -1 for none.
func (s *Settings) service(app string) int {
	return slices.IndexFunc(s.Services, func(said ServiceConfig) bool { return said.Application == app })
}

type serviceInput struct {
	URL           string           `json:"url"`
	Organization  string           `json:"organization"`
	Name          string           `json:"name"`
	Arch          string           `json:"arch"`
	VersionRange  string           `json:"versionRange"`
	AutoUpgrade   *bool            `json:"auto_upgrade"`
	ActiveUpgrade bool             `json:"active_upgrade"`
	Attributes    []attributeInput `json:"attributes"`
}

// serviceBody is a service as a client has configured it.
type serviceBody struct {
	URL           string      `json:"url"`
	Organization  string      `json:"organization"`
	Name          string      `json:"name"`
	Arch          string      `json:"arch"`
	VersionRange  string      `json:"versionRange"`
	AutoUpgrade   bool        `json:"auto_upgrade"`
	ActiveUpgrade bool        `json:"active_upgrade"`
	Attributes    []Attribute `json:"attributes"`
}

func configureService(c *call) error {
	var in serviceInput
	if err := c.decode("service", &in); err != nil {
		return err
	}
	app, err := c.serviceOf(&in)
	if err != nil {
		return err
	}
	attributes, err := c.ofService(app, in.Attributes)
	if err != nil {
		return err
	}
	said := ServiceConfig{app.Name, in.VersionRange, in.AutoUpgrade == nil || *in.AutoUpgrade, in.ActiveUpgrade}
	err = c.agent.Edit(c.r.Context(), func(s *Settings) error {
		if i := s.service(app.Name); i >= 0 {
			s.Services[i] = said
		} else {
			s.Services = append(s.Services, said)
		}
		for i := range attributes {
			if err := s.upsert(&attributes[i], app); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	body := serviceBody{app.url(), app.Organization, in.Name, in.Arch, said.VersionRange, said.AutoUpgrade, said.ActiveUpgrade, []Attribute{}}
	for _, a := range attributes {
		body.Attributes = append(body.Attributes, c.shown(a, []Application{*app}))
	}
	return c.json(http.StatusCreated, body)
}

// serviceOf checks what is said about a service, completes it, and returns the application.
func (c *call) serviceOf(in *serviceInput) (*Application, error) {
	for _, name := range []struct{ input, value string }{
		{"service.url", in.URL}, {"service.organization", in.Organization}, {"service.name", in.Name},
	} {
		if err := checkName(name.input, name.value); err != nil {
			return nil, err
		}
	}
	apps := c.agent.Applications()
	i := slices.IndexFunc(apps, func(app Application) bool { return app.is(ServiceSpec{in.URL, in.Organization}) })
	switch {
	case in.URL == "":
		return nil, &BadInput{"service.url", "a url is needed: the name of the application, its alias or a URL that ends in the name"}
	case i < 0:
		return nil, &BadInput{"service", "there is no such service on this node"}
	}
	if in.Arch != "" && !isOurArch(in.Arch) {
		return nil, &BadInput{"service.arch", "this is not the architecture of the node"}
	}
	in.Arch = apps[i].Workload().Arch
	if in.VersionRange == "" {
		in.VersionRange = anyVersion
	}
	if !isVersionRange(in.VersionRange) {
		return nil, &BadInput{"service.versionRange", "a range is like [1.0,2) or [1.0.0,INFINITY)"}
	}
	if in.Name == "" {
		in.Name = apps[i].Name
	}
	return &apps[i], nil
}

// ofService checks the attributes of a service, one of a type at most.
func (c *call) ofService(app *Application, given []attributeInput) ([]Attribute, error) {
	var attributes []Attribute
	for i := range given {
		given[i].ServiceSpecs = nil // they are for this service
		a, err := c.attribute(&given[i])
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(attributes, func(b Attribute) bool { return a.Type == b.Type }) {
			return nil, &BadInput{"service.attributes", "there are two attributes of one type"}
		}
		a.ServiceSpecs = []ServiceSpec{{app.Name, app.Organization}}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

// upsert keeps an attribute in place of the one of this type that an application has for itself. It gets the id it is kept under.
func (s *Settings) upsert(a *Attribute, app *Application) error {
	i := slices.IndexFunc(s.Attributes, func(b Attribute) bool {
		return b.Type == a.Type && len(b.ServiceSpecs) == 1 && app.is(b.ServiceSpecs[0])
	})
	if i < 0 {
		a.ID = newID()
		return s.add(*a)
	}
	a.ID = s.Attributes[i].ID
	s.Attributes[i] = *a
	return nil
}

type serviceStatesBody struct {
	States []serviceStateBody `json:"configstates"`
}

type serviceStateBody struct {
	URL          string `json:"url"`
	Organization string `json:"org"`
	Version      string `json:"version"`
	State        string `json:"configState"`
}

// The states of a service.
const (
	active    = "active"
	suspended = "suspended"
)

func serviceStates(c *call) error {
	body := serviceStatesBody{[]serviceStateBody{}}
	for _, app := range c.agent.Applications() {
		state := active
		if app.Suspended {
			state = suspended
		}
		body.States = append(body.States, serviceStateBody{app.url(), app.Organization, app.Version, state})
	}
	return c.json(http.StatusOK, body)
}

func setServiceStates(c *call) error {
	var in struct {
		URL          string `json:"url"`
		Organization string `json:"org"`
		Version      string `json:"version"`
		State        string `json:"configState"`
	}
	if err := c.decode("", &in); err != nil {
		return err
	}
	for _, name := range []struct{ input, value string }{{"url", in.URL}, {"org", in.Organization}, {"version", in.Version}} {
		if err := checkName(name.input, name.value); err != nil {
			return err
		}
	}
	switch {
	case in.URL != "" && in.Organization == "":
		return &BadInput{"org", "the organization of the service is needed"}
	case in.State != active && in.State != suspended:
		return &BadInput{"configState", "Supported state values are active and suspended"}
	}
	var names []string
	for _, app := range c.agent.Applications() {
		matches := in.URL == "" && (in.Organization == "" || in.Organization == app.Organization) || app.is(ServiceSpec{in.URL, in.Organization})
		if matches && (in.Version == "" || in.Version == app.Version) {
			names = append(names, app.Name)
		}
	}
	if names == nil {
		return &BadInput{"url, org", "there is no such service on this node"}
	}
	if err := c.agent.Suspend(c.r.Context(), names, in.State == suspended); err != nil {
		return err
	}
	return c.empty()
}
