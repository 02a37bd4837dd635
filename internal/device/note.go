package device

// Note is something for the event log.
type Note struct {
	Code string // one of the codes below
	App  string // what it is about; "" is the node
	Err  error  // what went wrong; nil when nothing did
	Text string // what was done, or tried, one line
}

// The codes of notes: those of the event log for the same things.
const (
	UpdateLocked      = "update_locked"
	UpdateStarted     = "start_service_configuration"
	UpdateComplete    = "service_configuration_complete"
	UpdateFailed      = "error_service_configuration"
	Purged            = "device_purge"
	Rebooted          = "device_reboot"
	ShutDown          = "device_shutdown"
	HostConfigChanged = "device_host_config"
	KeyRegenerated    = "api_key_regenerated"
	DryRun            = "device_dry_run"
)

// tell logs a note and passes it on.
func (d *Device) tell(n Note) {
	if n.Err != nil {
		d.log.Error("device: "+n.Text, "error", n.Err)
	} else {
		d.log.Info("device: " + n.Text)
	}
	if d.cfg.Tell != nil {
		d.cfg.Tell(n)
	}
}
