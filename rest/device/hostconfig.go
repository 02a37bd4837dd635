package device

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

type hostBody struct {
	Network networkBody `json:"network"`
}

type networkBody struct {
	Proxy    *proxyBody `json:"proxy,omitempty"`
	Hostname string     `json:"hostname"`
}

type proxyBody struct {
	Type     string   `json:"type"`
	IP       string   `json:"ip"`
	Port     string   `json:"port"` // a text, as the original has it
	Login    string   `json:"login,omitempty"`
	Password string   `json:"password,omitempty"`
	NoProxy  []string `json:"noProxy,omitempty"`
}

func hostConfig(c *call) error {
	now, err := c.h.cfg.Device.HostConfig(c.r.Context(), c.scope.secrets(""))
	if err != nil {
		return err
	}
	body := hostBody{networkBody{Hostname: now.Hostname}}
	if p := now.Proxy; p != nil {
		body.Network.Proxy = &proxyBody{p.Type, p.IP, strconv.Itoa(p.Port), p.Login, p.Password, p.NoProxy}
	}
	return c.json(http.StatusOK, body)
}

func setHostConfig(c *call) error {
	f, err := c.fields()
	if err != nil {
		return err
	}
	change, err := c.hostChange(f)
	if err != nil {
		return err
	}
	if err := c.h.cfg.Device.SetHostConfig(c.r.Context(), change, f.flag("force")); err != nil {
		return err
	}
	return c.text("OK")
}

// hostChange reads what a PATCH asks for.
func (c *call) hostChange(f fields) (change HostConfigChange, err error) {
	network, ok := f["network"].(map[string]any)
	if !ok {
		return change, &BadRequest{Text: "network must be an object"}
	}
	if value, given := network["hostname"]; given {
		name, ok := value.(string)
		if !isDefault(value) && (!ok || !isHostName(name)) {
			return change, &BadRequest{Text: "hostname must be a host name: letters, digits, hyphens and dots"}
		}
		change.Hostname = &name
	}
	value, given := network["proxy"]
	if !given {
		return change, nil
	}
	if isDefault(value) {
		change.Proxy = &Proxy{}
		return change, nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return change, &BadRequest{Text: "proxy must be an object"}
	}
	change.Proxy, err = c.mergeProxy(c.r.Context(), object)
	return change, err
}

// isDefault reports whether a value asks for what would be without it.
func isDefault(value any) bool {
	object, isObject := value.(map[string]any)
	return value == nil || value == "" || isObject && len(object) == 0
}

// mergeProxy puts what is given over the present proxy: what is not given stays.
func (c *call) mergeProxy(ctx context.Context, given fields) (*Proxy, error) {
	now, err := c.h.cfg.Device.HostConfig(ctx, true)
	if err != nil {
		return nil, err
	}
	p := &Proxy{}
	if now.Proxy != nil {
		*p = *now.Proxy
	}
	for name, field := range map[string]*string{"type": &p.Type, "ip": &p.IP, "login": &p.Login, "password": &p.Password} {
		value, there := given[name]
		text, ok := value.(string)
		if there && value != nil && !ok || strings.ContainsFunc(text, breaksOut) {
			return nil, &BadRequest{Text: name + " of the proxy must be a text without control characters, quotes and backslashes"}
		}
		if there {
			*field = text
		}
	}
	if port, there := given["port"]; there {
		p.Port = portOf(port)
	}
	if list, there := given["noProxy"]; there {
		if p.NoProxy, err = noProxy(list); err != nil {
			return nil, err
		}
	}
	return p, p.check()
}

// proxyTypes are those of redsocks.
var proxyTypes = []string{"socks4", "socks5", "http-connect", "http-relay"}

// check reports what a proxy lacks.
func (p *Proxy) check() error {
	if !slices.Contains(proxyTypes, p.Type) {
		return &BadRequest{Text: "type of the proxy must be one of " + strings.Join(proxyTypes, ", ")}
	}
	if _, err := netip.ParseAddr(p.IP); err != nil && !isHostName(p.IP) {
		return &BadRequest{Text: "ip of the proxy must be an address or a host name"}
	}
	if p.Port < 1 || p.Port > 65535 {
		return &BadRequest{Text: "port of the proxy must be a number from 1 to 65535"}
	}
	return nil
}

// portOf reads a number, or a text with one; 0 is none.
func portOf(value any) int {
	text := ""
	switch v := value.(type) {
	case json.Number:
		text = string(v)
	case string:
		text = v
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

// noProxy reads the list of what is reached without the proxy.
func noProxy(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok && value != nil {
		return nil, &BadRequest{Text: "noProxy must be a list"}
	}
	hosts := make([]string, 0, len(list))
	for _, item := range list {
		host, ok := item.(string)
		if !ok || host == "" || strings.ContainsFunc(host, func(r rune) bool { return unicode.IsSpace(r) || breaksOut(r) }) {
			return nil, &BadRequest{Text: "noProxy must have addresses, networks and names"}
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

// breaksOut reports whether a character could end a quoted text, or a line, of the files that the values are written to.
func breaksOut(r rune) bool {
	return unicode.IsControl(r) || strings.ContainsRune("\"'`\\\u2028\u2029", r)
}

// isHostName reports whether a text is a host name of RFC 1123.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return false
		}
	}
	return true
}
