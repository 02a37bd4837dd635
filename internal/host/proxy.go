package host

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Proxy is what redsocks leads the connections of the host to.
type Proxy struct {
	Type     string   `json:"type"`
	IP       string   `json:"ip"`
	Port     int      `json:"port"`
	Login    string   `json:"login"`
	Password string   `json:"password"`
	NoProxy  []string `json:"no_proxy"` // what goes without it
}

// proxyTypes are those of redsocks.
var proxyTypes = []string{"socks4", "socks5", "http-connect", "http-relay"}

// name is what RFC 1123 allows, the length of the whole left out.
var name = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
})

// IsName reports whether a host may have this name.
func IsName(s string) bool { return len(s) <= 253 && name().MatchString(s) }

// Check refuses what is no proxy, and values that would break out of their place in its file.
func (p Proxy) Check() error {
	_, notAddress := netip.ParseAddr(p.IP)
	switch {
	case !slices.Contains(proxyTypes, p.Type):
		return errors.New("type of the proxy must be one of " + strings.Join(proxyTypes, ", "))
	case notAddress != nil && !IsName(p.IP):
		return errors.New("ip of the proxy must be an address or a host name")
	case p.Port < 1 || p.Port > 65535:
		return errors.New("port of the proxy must be between 1 and 65535")
	case strings.ContainsFunc(p.Login+p.Password, breaksOut):
		return errors.New("login and password of the proxy must be without control characters, quotes and backslashes")
	}
	for _, entry := range p.NoProxy {
		if entry == "" || strings.ContainsFunc(entry, func(r rune) bool { return breaksOut(r) || unicode.IsSpace(r) }) {
			return errors.New("entries of noProxy must be addresses or names")
		}
	}
	return nil
}

func breaksOut(r rune) bool {
	return unicode.IsControl(r) || r == '"' || r == '\'' || r == '\\' || r == unicode.ReplacementChar
}

// WriteProxy writes the file of a proxy that was checked, and no_proxy beside it; nil removes both.
func WriteProxy(s System, file string, p *Proxy) error {
	var conf, direct []byte
	if p != nil {
		conf, direct = p.redsocks(), []byte(strings.Join(append(slices.Clone(p.NoProxy), ""), "\n"))
	}
	if err := s.Replace(filepath.Join(filepath.Dir(file), "no_proxy"), direct); err != nil {
		return fmt.Errorf("no_proxy: %w", err)
	}
	if err := s.Replace(file, conf); err != nil {
		return fmt.Errorf("proxy_file: %w", err)
	}
	return nil
}

// redsocks returns the configuration of redsocks.
func (p Proxy) redsocks() []byte {
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
