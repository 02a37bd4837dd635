package device

import (
	"context"
	"net/http"
	"strings"
)

// route is one verb of one path.
type route struct {
	verb, path string
	access     access
	danger     string // the word that allow must have; "" for none
	*shape
	run func(*call) error // answers, or fails
}

// fleetPath are the paths that are passed on to other nodes.
const fleetPath = "/supervisor/{url:ping|v1/.+}"

// routes are all there are.
var routes = []route{
	{"GET", "/ping", open, "", common, ping},
	{"GET", "/v1/healthy", open, "", common, healthy},
	{"POST", "/v1/blink", anyKey, "", common, blink},
	{"POST", "/v1/update", anyKey, "", common, update},
	{"POST", "/v1/reboot", global, "reboot", ends, ending(Device.Reboot)},
	{"POST", "/v1/shutdown", global, "shutdown", ends, ending(Device.Shutdown)},
	{"POST", "/v1/purge", ownApp, "purge", purges, purge},
	{"POST", "/v1/restart", ownApp, "", restarts, restart},
	{"POST", "/v1/tcp-ping", global, "", common, probing(true)},
	{"DELETE", "/v1/tcp-ping", global, "", common, probing(false)},
	{"POST", "/v1/regenerate-api-key", anyKey, "", common, regenerate},
	{"GET", "/v1/device", anyKey, "", common, state},
	{"GET", "/v1/device/host-config", global, "", ofHost, hostConfig},
	{"PATCH", "/v1/device/host-config", global, "host-config", ofHost, setHostConfig},
	{"GET", "/v1/apps/{appId}", ownApp, "", common, app},
	{"POST", "/v1/apps/{appId}/start", ownApp, "", common, start},
	{"POST", "/v1/apps/{appId}/stop", ownApp, "", common, stop},
	{"POST", fleetPath, global, "fleet", overFleet, fleet},
}

func ping(c *call) error { return c.text("OK") }

type healthBody struct {
	Healthy bool        `json:"healthy"`
	Checks  []checkBody `json:"checks"`
}

type checkBody struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`
	Detail string  `json:"detail"`
	Age    float64 `json:"age_s"`
}

func healthy(c *call) error {
	health := c.h.cfg.Device.Health()
	status, text := http.StatusOK, ""
	if !health.Healthy() {
		status, text = http.StatusInternalServerError, "Unhealthy"
	}
	if !isOn(c.r.URL.Query().Get("verbose")) {
		send(c.w, status, textType, []byte(text))
		return nil
	}
	body := healthBody{Healthy: status == http.StatusOK, Checks: []checkBody{}}
	for _, check := range health.Checks {
		body.Checks = append(body.Checks, checkBody{check.Name, check.OK, check.Detail, check.Age.Seconds()})
	}
	return c.json(status, body)
}

func blink(c *call) error {
	c.h.cfg.Device.Blink()
	return c.text("")
}

func update(c *call) error {
	f, err := c.fields()
	if err != nil {
		return err
	}
	c.h.cfg.Device.Update(f.flag("force"), f.flag("cancel"))
	return c.nothing()
}

// done is the body of what went well.
var done = dataBody{Data: "OK"}

// ending has the host end.
func ending(end func(Device, context.Context, bool) error) func(*call) error {
	return func(c *call) error {
		f, err := c.fields()
		if err != nil {
			return err
		}
		if err := end(c.h.cfg.Device, c.r.Context(), f.flag("force")); err != nil {
			return err
		}
		return c.json(http.StatusAccepted, done)
	}
}

func purge(c *call) error {
	f, err := c.fields()
	if err != nil {
		return err
	}
	name, err := c.app(f)
	if err != nil {
		return err
	}
	if err := c.h.cfg.Device.Purge(c.r.Context(), name, f.flag("force")); err != nil {
		return err
	}
	return c.json(http.StatusOK, done)
}

func restart(c *call) error {
	f, err := c.fields()
	if err != nil {
		return err
	}
	name, err := c.app(f)
	if err != nil {
		return err
	}
	if err := c.h.cfg.Device.RestartApp(c.r.Context(), name, f.flag("force")); err != nil {
		return err
	}
	return c.text("OK")
}

// probing switches the reachability probe.
func probing(on bool) func(*call) error {
	return func(c *call) error {
		c.h.cfg.Device.SetProbe(on)
		return c.nothing()
	}
}

// regenerate answers with a key, which nobody gets for where he calls from.
func regenerate(c *call) error {
	if c.scope.Keyless {
		return errNoKey
	}
	key, err := c.h.cfg.Device.RegenerateKey(c.r.Context(), c.scope)
	if err != nil {
		return err
	}
	return c.text(key)
}

type stateBody struct {
	APIPort          int        `json:"api_port"`
	IPAddress        string     `json:"ip_address"`
	MACAddress       string     `json:"mac_address"`
	Commit           string     `json:"commit"`
	Status           string     `json:"status"`
	DownloadProgress *int       `json:"download_progress"` // nothing is ever downloaded
	OSVersion        string     `json:"os_version"`
	Version          string     `json:"supervisor_version"`
	UpdatePending    bool       `json:"update_pending"`
	UpdateDownloaded bool       `json:"update_downloaded"`
	UpdateFailed     bool       `json:"update_failed"`
	UUID             string     `json:"uuid"`
	DeviceID         int        `json:"deviceId"`
	Name             string     `json:"device_name"`
	Identifier       string     `json:"identifier"`
	FSMState         string     `json:"fsm_state,omitempty"`
	Apps             []appState `json:"apps"`
}

type appState struct {
	ID     int    `json:"appId"`
	Name   string `json:"appName"`
	Status string `json:"status"`
}

func state(c *call) error {
	s, err := c.h.cfg.Device.State(c.r.Context())
	if err != nil {
		return err
	}
	body := stateBody{
		APIPort: s.APIPort, IPAddress: strings.Join(s.IPAddresses, " "), MACAddress: strings.Join(s.MACAddresses, " "),
		Commit: s.Commit, Status: s.Status, OSVersion: s.OSVersion, Version: s.Version,
		UpdatePending: s.UpdatePending, UpdateDownloaded: s.UpdateDownloaded, UpdateFailed: s.UpdateFailed,
		UUID: s.UUID, DeviceID: s.DeviceID, Name: s.Name, Identifier: s.Identifier, FSMState: s.FSMState, Apps: []appState{},
	}
	for _, a := range s.Apps {
		body.Apps = append(body.Apps, appState(a))
	}
	return c.json(http.StatusOK, body)
}
