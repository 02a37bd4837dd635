package device

import "net/http"

type appBody struct {
	appState
	Commit string `json:"commit"`
	// of the first process
	ImageID     string            `json:"imageId"`
	ContainerID string            `json:"containerId"`
	Env         map[string]string `json:"env"`

	Services map[string]serviceBody `json:"services"`
}

type serviceBody struct {
	Status      string `json:"status"`
	ContainerID string `json:"containerId"`
	PID         int    `json:"pid"`
	ImageID     string `json:"imageId"`
}

func app(c *call) error {
	name, err := c.pathApp()
	if err != nil {
		return err
	}
	a, err := c.h.cfg.Device.App(c.r.Context(), name, c.scope.secrets(name))
	if err != nil {
		return err
	}
	body := appBody{appState: appState(a.AppState), Commit: a.Commit, Env: map[string]string{}, Services: map[string]serviceBody{}}
	for _, s := range a.Services {
		body.Services[s.Name] = serviceBody{s.Status, s.ContainerID, s.PID, s.ImageID}
	}
	if len(a.Services) > 0 {
		first := a.Services[0]
		body.ImageID, body.ContainerID = first.ImageID, first.ContainerID
		if first.Env != nil {
			body.Env = first.Env
		}
	}
	return c.json(http.StatusOK, body)
}

type containersBody struct {
	First     string            `json:"containerId"`
	IDs       map[string]string `json:"containers"`
	Elsewhere map[string]string `json:"elsewhere,omitempty"`
}

func start(c *call) error {
	name, err := c.pathApp()
	if err != nil {
		return err
	}
	containers, err := c.h.cfg.Device.StartApp(c.r.Context(), name)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, containersBody(containers))
}

func stop(c *call) error {
	name, err := c.pathApp()
	if err != nil {
		return err
	}
	f, err := c.fields()
	if err != nil {
		return err
	}
	containers, err := c.h.cfg.Device.StopApp(c.r.Context(), name, f.flag("force"))
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, containersBody(containers))
}
