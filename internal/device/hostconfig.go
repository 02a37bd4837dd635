package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/rest/device"
)

// hostFile keeps the proxy that was applied last.
const hostFile = "host.json"

type savedHost struct {
	Proxy *host.Proxy `json:"proxy"`
}

// HostConfig implements device.Device.
func (d *Device) HostConfig(_ context.Context, secrets bool) (device.HostConfig, error) {
	name, err := d.system.Hostname()
	if err != nil {
		return device.HostConfig{}, fmt.Errorf("name of the host: %w", err)
	}
	var saved savedHost
	if err := d.folder.Load(hostFile, &saved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return device.HostConfig{}, err
	}
	c := device.HostConfig{Hostname: name}
	if saved.Proxy != nil {
		p := device.Proxy(*saved.Proxy)
		if !secrets && p.Password != "" {
			p.Password = masked
		}
		c.Proxy = &p
	}
	return c, nil
}

// SetHostConfig implements device.Device. Everything is checked before anything is changed.
func (d *Device) SetHostConfig(ctx context.Context, change device.HostConfigChange, force bool) error {
	if err := d.allowed("host-config"); err != nil {
		return err
	}
	if change.Hostname != nil {
		name := cmp.Or(*change.Hostname, d.uuid[:7])
		if err := d.checkHostname(name, force); err != nil {
			return err
		}
		change.Hostname = &name
	}
	if change.Proxy != nil {
		if err := d.checkProxy(change.Proxy); err != nil {
			return err
		}
	}
	_, err := detached(ctx, d, func(ctx context.Context) (struct{}, error) {
		release, err := d.hold(ctx, force, d.sup.Groups()...)
		if err != nil {
			return struct{}{}, err
		}
		defer release()
		if change.Hostname != nil {
			err = d.system.Run(ctx, withHostname(d.options.HostnameCommand, *change.Hostname))
			d.tell(Note{Code: HostConfigChanged, Err: err, Text: "change of the host name to " + *change.Hostname})
		}
		if err == nil && change.Proxy != nil {
			err = d.setProxy(ctx, change.Proxy)
			d.tell(Note{Code: HostConfigChanged, Err: err, Text: "change of the proxy of the host"})
		}
		return struct{}{}, err
	})
	return err
}

func withHostname(command []string, name string) []string {
	command = slices.Clone(command)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "{hostname}", name)
	}
	return command
}

// checkHostname refuses a name that is none, and one that would take its identity from this node.
func (d *Device) checkHostname(name string, force bool) error {
	if !host.IsName(name) {
		return &device.BadRequest{Text: fmt.Sprintf("%q is not a host name", name)}
	}
	if len(d.options.HostnameCommand) == 0 {
		return &device.NotPossible{Text: "no hostname_command is configured"}
	}
	if d.cluster == nil || force {
		return nil
	}
	now, err := d.system.Hostname()
	self := d.cluster.View().Self
	if err == nil && now != name && strings.EqualFold(short(self.Host), short(now)) {
		return &device.BadRequest{Text: fmt.Sprintf("the identifier %s of this node is made of the name of the host: only force changes it",
			self.Identifier)}
	}
	return nil
}

// short returns the first label of a host name.
func short(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return name
	}
	label, _, _ := strings.Cut(name, ".")
	return label
}

// checkProxy refuses what is no proxy, or has no place.
func (d *Device) checkProxy(p *device.Proxy) error {
	if d.options.ProxyFile == "" {
		return &device.NotPossible{Text: "no proxy_file is configured"}
	}
	if p.Type == "" {
		return nil
	}
	if err := host.Proxy(*p).Check(); err != nil {
		return &device.BadRequest{Text: err.Error()}
	}
	return nil
}

// setProxy writes the files of the proxy, or removes them, and has them read.
func (d *Device) setProxy(ctx context.Context, p *device.Proxy) error {
	var saved savedHost
	if p.Type != "" {
		own := host.Proxy(*p)
		saved.Proxy = &own
	}
	if err := host.WriteProxy(d.system, d.options.ProxyFile, saved.Proxy); err != nil {
		return err
	}
	if len(d.options.ProxyCommand) > 0 {
		if err := d.system.Run(ctx, d.options.ProxyCommand); err != nil {
			return err
		}
	}
	return d.folder.Save(hostFile, saved)
}
