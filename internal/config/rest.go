package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// defaultRest is where REST is served when its section does not say.
const defaultRest = "127.0.0.1:5000"

// restAPIs are the interfaces that a listener of REST may serve.
var restAPIs = []string{"supvisors", "device", "agent"}

// Rest is a listener for REST clients: a section [rest] or [rest:name].
type Rest struct {
	// Server is its address, its credentials, those of the first [inet_http_server] when it has none of its own, and its TLS files.
	Server  InetServer
	Socket  string   // absolute path of a Unix socket, in place of the address; "" for none
	APIs    []string // what it serves
	Prefix  string   // of all paths, such as /api; "" for none
	Rich    bool     // faults have statuses of their own (fault_status = rich)
	Origins []string // of other sites whose pages may act (cors_origins)
	Metrics bool     // serves /metrics
	// TrustLoopback lets clients on this machine use the device and agent APIs without a key.
	TrustLoopback bool
	StateDir      string // absolute; where what must survive a restart is kept. "" is beside the pid file. Of [rest] alone.
}

// rest reads the sections of REST.
func (l *loader) rest(inet []InetServer) (all []Rest) {
	for _, name := range l.doc.Sections() {
		if name == "rest" || strings.HasPrefix(name, "rest:") {
			all = append(all, l.restServer(name, inet))
		}
	}
	return all
}

func (l *loader) restServer(name string, inet []InetServer) Rest {
	s := l.section(name, ini.Vars{"host_node_name": l.host})
	r := Rest{Server: InetServer{Section: name, Pos: s.pos()}}
	port, given := s.expanded("port")
	if !given {
		port = ini.Value{Text: defaultRest, Pos: s.pos()}
	}
	if strings.HasPrefix(port.Text, "/") || strings.HasPrefix(port.Text, "~") {
		path, err := l.ownFile(port.Text)
		if err != nil {
			s.failAt(port.Pos, "port", err.Error())
		}
		r.Socket = path
	} else if host, number, err := inetAddress(port.Text); err != nil {
		s.failAt(port.Pos, "port", err.Error())
	} else {
		r.Server.Host, r.Server.Port = host, number
	}
	s.protection(&r.Server)
	if r.Server.Username == "" && len(inet) > 0 && r.Socket == "" {
		r.Server.Login = inet[0].Login
	}
	if insecure := get(s, "insecure", false, ini.Bool); !insecure && r.Socket == "" && r.Server.Username == "" && !isLoopback(r.Server.Host) {
		s.failAt(port.Pos, "port", "others than this machine can reach it, so it needs a username and a password, or insecure=true")
	}
	r.APIs = get(s, "apis", []string{"supvisors"}, oneOrMore(restAPIs))
	r.Prefix = get(s, "prefix", "", parsePrefix)
	r.Rich = get(s, "fault_status", "compat", oneOf("compat", "rich")) == "rich"
	r.Origins = get(s, "cors_origins", nil, parseOrigins)
	r.Metrics = get(s, "metrics", false, ini.Bool)
	r.TrustLoopback = get(s, "trust_loopback", r.Socket == "" && r.Server.Username == "" && isLoopback(r.Server.Host), ini.Bool)
	if name == "rest" {
		r.StateDir = get(s, "state_dir", "", l.ownFile)
	}
	return r
}

// serves reports whether any listener has an API.
func serves(rest []Rest, api string) bool {
	return slices.ContainsFunc(rest, func(r Rest) bool { return slices.Contains(r.APIs, api) })
}

// isLoopback reports whether only this machine can reach a host address.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if word := strings.ToLower(s); slices.Contains(words, word) {
			return word, nil
		}
		return "", fmt.Errorf("%s is not one of %s", ini.Repr(s), strings.Join(words, ", "))
	}
}

// oneOrMore reads a list of words.
func oneOrMore(words []string) func(string) ([]string, error) {
	one := oneOf(words...)
	return func(s string) (list []string, err error) {
		for item := range strings.SplitSeq(s, ",") {
			word, err := one(strings.TrimSpace(item))
			if err != nil {
				return nil, err
			}
			if !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
		return list, nil
	}
}

func parsePrefix(s string) (string, error) {
	s = strings.TrimRight(s, "/")
	if s != "" && (s[0] != '/' || strings.Contains(s, "//") || strings.ContainsAny(s, "?#% ")) {
		return "", fmt.Errorf("%s is not a path like /api", ini.Repr(s))
	}
	return s, nil
}

func parseOrigins(s string) (list []string, err error) {
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		u, err := url.Parse(item)
		if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != item {
			return nil, fmt.Errorf("%s is not an origin like https://ops.example.com", ini.Repr(item))
		}
		list = append(list, item)
	}
	return list, nil
}
