package device

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/device"
)

func networked(c *Config) {
	c.Options.Allow = []string{"host-config"}
	c.Options.HostnameCommand = []string{"hostnamectl", "set-hostname", "{hostname}"}
	c.Options.ProxyFile = "/etc/x/redsocks.conf"
	c.Options.ProxyCommand = []string{"reload"}
}

func hostname(name string) device.HostConfigChange { return device.HostConfigChange{Hostname: &name} }

func proxy(change func(*device.Proxy)) device.HostConfigChange {
	p := &device.Proxy{Type: "socks5", IP: "10.0.0.1", Port: 1080, Login: "me", Password: "pass word", NoProxy: []string{"10.0.0.0/8", "example.com"}}
	if change != nil {
		change(p)
	}
	return device.HostConfigChange{Proxy: p}
}

func TestHostname(t *testing.T) {
	w := newWorld(t, programs, networked)
	c, err := w.HostConfig(t.Context(), true)
	if err != nil || c.Hostname != "n1" || c.Proxy != nil {
		t.Errorf("before: %+v, %v", c, err)
	}
	for name, set := range map[string]string{"n2": "n2", "a.b-c.example": "a.b-c.example", "": w.uuid[:7]} {
		if err := w.SetHostConfig(t.Context(), hostname(name), false); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		wantList(t, name, w.host.took(), []string{"run hostnamectl set-hostname " + set})
	}
	for _, name := range []string{"bad name!", "-x", "x-", "a..b", ".", "x;reboot", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a", "é", "x\n"} {
		wantText[*device.BadRequest](t, name, w.SetHostConfig(t.Context(), hostname(name), true), "not a host name")
	}
	w.host.fail = errBroken
	if err := w.SetHostConfig(t.Context(), hostname("n3"), false); err != errBroken {
		t.Errorf("broken: %v", err)
	}
	w.options.HostnameCommand = nil
	wantText[*device.NotPossible](t, "no command", w.SetHostConfig(t.Context(), hostname("n2"), true), "hostname_command")
	w.options.Allow = nil
	wantText[*device.NotAllowed](t, "off", w.SetHostConfig(t.Context(), hostname("n2"), true), "host-config is disabled")
}

// TestHostnameOfTheNode keeps the name that the identifier is made of.
func TestHostnameOfTheNode(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) { networked(c); c.Cluster = newTeam("n2") })
	w.host.name = "N1.example.com"
	wantText[*device.BadRequest](t, "changed", w.SetHostConfig(t.Context(), hostname("n7"), false), "identifier n1:1")
	if err := w.SetHostConfig(t.Context(), hostname("N1.example.com"), false); err != nil {
		t.Errorf("the name that it has: %v", err)
	}
	if err := w.SetHostConfig(t.Context(), hostname("n7"), true); err != nil {
		t.Errorf("forced: %v", err)
	}
	w.host.name = "elsewhere"
	if err := w.SetHostConfig(t.Context(), hostname("n7"), false); err != nil {
		t.Errorf("the identifier is another: %v", err)
	}
}

func TestProxy(t *testing.T) {
	w := newWorld(t, programs, networked)
	if err := w.SetHostConfig(t.Context(), proxy(nil), false); err != nil {
		t.Fatal(err)
	}
	wantList(t, "calls", w.host.took(), []string{"replace no_proxy true", "replace redsocks.conf true", "run reload"})
	want(t, "no_proxy", w.host.files["no_proxy"], "10.0.0.0/8\nexample.com\n")
	for _, line := range []string{"\ttype = socks5;\n", "\tip = 10.0.0.1;\n", "\tport = 1080;\n", "\tlogin = \"me\";\n", "\tpassword = \"pass word\";\n"} {
		if !strings.Contains(w.host.files["redsocks.conf"], line) {
			t.Errorf("no %q in:\n%s", line, w.host.files["redsocks.conf"])
		}
	}
	for secrets, password := range map[bool]string{true: "pass word", false: masked} {
		c, err := w.HostConfig(t.Context(), secrets)
		if err != nil || c.Proxy == nil || c.Proxy.Password != password || c.Proxy.Port != 1080 || !slices.Equal(c.Proxy.NoProxy, []string{"10.0.0.0/8", "example.com"}) {
			t.Errorf("applied: %+v, %v", c.Proxy, err)
		}
	}
	if err := w.SetHostConfig(t.Context(), device.HostConfigChange{Proxy: &device.Proxy{}}, false); err != nil {
		t.Fatal(err)
	}
	wantList(t, "calls", w.host.took(), []string{"replace no_proxy false", "replace redsocks.conf false", "run reload"})
	if c, err := w.HostConfig(t.Context(), true); err != nil || c.Proxy != nil {
		t.Errorf("back to the default: %+v, %v", c.Proxy, err)
	}
}

func TestProxyRefused(t *testing.T) {
	w := newWorld(t, programs, networked)
	for what, change := range map[string]func(*device.Proxy){
		"type":          func(p *device.Proxy) { p.Type = "socks6" },
		"ip":            func(p *device.Proxy) { p.IP = "1.2.3.4; }" },
		"no ip":         func(p *device.Proxy) { p.IP = "" },
		"port":          func(p *device.Proxy) { p.Port = 65536 },
		"no port":       func(p *device.Proxy) { p.Port = 0 },
		"login":         func(p *device.Proxy) { p.Login = `"; type = x` },
		"password":      func(p *device.Proxy) { p.Password = "a\nb" },
		"backslash":     func(p *device.Proxy) { p.Password = `a\` },
		"no proxy":      func(p *device.Proxy) { p.NoProxy = []string{"a b"} },
		"no proxy line": func(p *device.Proxy) { p.NoProxy = []string{"a\nb"} },
		"empty entry":   func(p *device.Proxy) { p.NoProxy = []string{""} },
	} {
		wantText[*device.BadRequest](t, what, w.SetHostConfig(t.Context(), proxy(change), true), "")
	}
	both := proxy(func(p *device.Proxy) { p.Port = 0 })
	both.Hostname = hostname("n2").Hostname
	wantText[*device.BadRequest](t, "one of two", w.SetHostConfig(t.Context(), both, true), "port")
	w.options.ProxyFile = ""
	wantText[*device.NotPossible](t, "no file", w.SetHostConfig(t.Context(), proxy(nil), true), "proxy_file")
	wantList(t, "calls", w.host.took(), nil)
}

func TestHostConfigLocked(t *testing.T) {
	w := newWorld(t, programs, networked)
	before := w.sup.Wait("web", process.Running).PID
	w.lock("grp")
	wantText[*device.Locked](t, "locked", w.SetHostConfig(t.Context(), hostname("n2"), false), w.locks.Path("grp"))
	wantList(t, "calls", w.host.took(), nil)
	if err := w.SetHostConfig(t.Context(), hostname("n2"), true); err != nil {
		t.Errorf("forced: %v", err)
	}
	want(t, "pid", w.pids()["web"], before)
}

// TestCommandBesideChildren runs commands in a daemon with children, whose exits somebody else collects.
func TestCommandBesideChildren(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) {
		c.Options.Allow = []string{"host-config"}
		c.System = host.New(supervisortest.Children(t), c.Logger)
		c.Options.HostnameCommand = []string{"/bin/sh", "-c", `echo "$0" > ` + filepath.Join(filepath.Dir(c.Options.LockDir), "name"), "{hostname}"}
		c.Options.ProxyFile = filepath.Join(filepath.Dir(c.Options.LockDir), "redsocks.conf")
	})
	w.sup.Wait("web", process.Running)
	for range 5 {
		if err := w.SetHostConfig(t.Context(), hostname("new-name"), false); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(w.sup.Path("name")); err != nil || string(data) != "new-name\n" {
		t.Errorf("called %q, %v", data, err)
	}
	if err := w.SetHostConfig(t.Context(), proxy(nil), false); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(w.sup.Path("redsocks.conf"))
	if err != nil || info.Mode() != 0o600 || !there(w.sup.Path("no_proxy")) {
		t.Errorf("proxy file: %v, %v", info, err)
	}
}
