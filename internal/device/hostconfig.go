package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/supvisors/supvisors/rest/device"
)

// hostFile keeps the proxy that was applied last.
const hostFile = "host.json"

type savedHost struct {
	Proxy *savedProxy `json:"proxy"`
}

type savedProxy struct {
	Type     string   `json:"type"`
	IP       string   `json:"ip"`
	Port     int      `json:"port"`
	Login    string   `json:"login"`
	Password string   `json:"password"`
	NoProxy  []string `json:"no_proxy"`
}

// proxyTypes are those of redsocks.
var proxyTypes = []string{"socks4", "socks5", "http-connect", "http-relay"}

// hostName is what RFC 1123 allows, the length of the whole left out.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

func isHostName(s string) bool { return len(s) <= 253 && hostName.MatchString(s) }

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
	if !isHostName(name) {
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

// checkProxy refuses what is no proxy, and values that would break out of their place in its file.
func (d *Device) checkProxy(p *device.Proxy) error {
	if d.options.ProxyFile == "" {
		return &device.NotPossible{Text: "no proxy_file is configured"}
	}
	if p.Type == "" {
		return nil
	}
	_, notAddress := netip.ParseAddr(p.IP)
	switch {
	case !slices.Contains(proxyTypes, p.Type):
		return &device.BadRequest{Text: "type of the proxy must be one of " + strings.Join(proxyTypes, ", ")}
	case notAddress != nil && !isHostName(p.IP):
		return &device.BadRequest{Text: "ip of the proxy must be an address or a host name"}
	case p.Port < 1 || p.Port > 65535:
		return &device.BadRequest{Text: "port of the proxy must be between 1 and 65535"}
	case strings.ContainsFunc(p.Login+p.Password, breaksOut):
		return &device.BadRequest{Text: "login and password of the proxy must be without control characters, quotes and backslashes"}
	}
	for _, entry := range p.NoProxy {
		if entry == "" || strings.ContainsFunc(entry, func(r rune) bool { return breaksOut(r) || unicode.IsSpace(r) }) {
			return &device.BadRequest{Text: "entries of noProxy must be addresses or names"}
		}
	}
	return nil
}

func breaksOut(r rune) bool {
	return unicode.IsControl(r) || r == '"' || r == '\'' || r == '\\' || r == unicode.ReplacementChar
}

// setProxy writes the files of the proxy, or removes them, and has them read.
func (d *Device) setProxy(ctx context.Context, p *device.Proxy) error {
	var conf, direct []byte
	var saved savedHost
	if p.Type != "" {
		conf, direct = redsocks(p), []byte(strings.Join(append(slices.Clone(p.NoProxy), ""), "\n"))
		own := savedProxy(*p)
		saved.Proxy = &own
	}
	if err := d.system.Replace(filepath.Join(filepath.Dir(d.options.ProxyFile), "no_proxy"), direct); err != nil {
		return fmt.Errorf("no_proxy: %w", err)
	}
	if err := d.system.Replace(d.options.ProxyFile, conf); err != nil {
		return fmt.Errorf("proxy_file: %w", err)
	}
	if len(d.options.ProxyCommand) > 0 {
		if err := d.system.Run(ctx, d.options.ProxyCommand); err != nil {
			return err
		}
	}
	return d.folder.Save(hostFile, saved)
}

// redsocks returns the configuration of redsocks for a proxy that was checked.
func redsocks(p *device.Proxy) []byte {
	var b strings.Builder
	b.WriteString("base {\n\tlog_debug = off;\n\tlog_info = on;\n\tlog = stderr;\n\tdaemon = off;\n\tredirector = iptables;\n}\n\n")
	fmt.Fprintf(&b, "redsocks {\n\tlocal_ip = 127.0.0.1;\n\tlocal_port = 12345;\n\ttype = %s;\n\tip = %s;\n\tport = %d;\n", p.Type, p.IP, p.Port)
	if p.Login != "" {
		fmt.Fprintf(&b, "\tlogin = \"%s\";\n", p.Login)
	}
	if p.Password != "" {
		fmt.Fprintf(&b, "\tpassword = \"%s\";\n", p.Password)
	}
	b.WriteString("}\n")
	return []byte(b.String())
}
