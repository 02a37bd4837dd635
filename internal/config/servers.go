package config

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// servers reads the sections of both kinds of servers.
func (l *loader) servers() (inet []InetServer, unix []UnixServer) {
	for _, name := range l.named("inet_http_server") {
		inet = append(inet, l.inetServer(name))
	}
	for _, name := range l.named("unix_http_server") {
		unix = append(unix, l.unixServer(name))
	}
	return inet, unix
}

func (l *loader) inetServer(name string) InetServer {
	s := l.section(name, nil)
	server := InetServer{Section: name, Pos: s.pos()}
	s.protection(&server)
	port, ok := s.expanded("port")
	if !ok {
		s.fail(fmt.Sprintf("section [%s] has no port value", name))
	} else if host, number, err := inetAddress(port.Text); err != nil {
		s.failAt(port.Pos, "port", err.Error())
	} else {
		server.Host, server.Port = host, number
	}
	server.GetActions = get(s, "legacy_get_actions", ConfirmActions, parseGetActions)
	return server
}

// protection reads who may use a TCP server, and how.
func (s *section) protection(server *InetServer) {
	server.Login = s.login()
	server.CertFile = get(s, "certfile", "", s.ownFile)
	server.KeyFile = get(s, "keyfile", "", s.ownFile)
	server.CACerts = get(s, "ca_certs", "", s.ownFile)
	server.AllowedHosts = get(s, "allowed_hosts", nil, allowedHosts)
	if (server.CertFile == "") != (server.KeyFile == "") {
		s.fail(fmt.Sprintf("section [%s] needs both certfile and keyfile", s.name))
	}
	if server.CACerts != "" && server.CertFile == "" {
		s.fail(fmt.Sprintf("section [%s] has ca_certs without certfile", s.name))
	}
}

func (l *loader) unixServer(name string) UnixServer {
	s := l.section(name, nil)
	server := UnixServer{Section: name, Pos: s.pos(), Mode: defaultMode, UID: -1, GID: -1}
	if file, ok := s.expanded("file"); !ok {
		s.fail(fmt.Sprintf("section [%s] has no file value", name))
	} else if path, err := ini.Normalize(strings.TrimSpace(file.Text)); err != nil {
		s.failAt(file.Pos, "file", err.Error())
	} else {
		server.File = path
	}
	server.Login = s.login()
	owner := get(s, "chown", userGroup{-1, -1}, parseOwner("sockchown"))
	server.UID, server.GID = owner.uid, owner.gid
	server.Mode = get(s, "chmod", defaultMode, parseMode("chmod"))
	return server
}

// login reads who may use a server.
func (s *section) login() (l Login) {
	l.Username, l.Password = s.credentials("")
	l.ReadOnlyUsername, l.ReadOnlyPassword = s.credentials("read_only_")
	switch {
	case l.ReadOnlyUsername == "":
	case l.Username == "":
		s.fail(fmt.Sprintf("section [%s] has a read_only_username, but without a username everybody may do everything", s.name))
	case l.ReadOnlyUsername == l.Username:
		s.fail(fmt.Sprintf("section [%s] has the same username and read_only_username", s.name))
	}
	return l
}

// credentials reads a user name and a password, which go together.
func (s *section) credentials(prefix string) (username, password string) {
	_, hasUser := s.lookup(prefix + "username")
	_, hasPassword := s.lookup(prefix + "password")
	username, password = s.text(prefix+"username", ""), s.text(prefix+"password", "")
	if hasUser != hasPassword {
		s.fail(fmt.Sprintf("Section [%[1]s] contains incomplete authentication: If a %[2]susername or a %[2]spassword is specified, "+
			"both the %[2]susername and %[2]spassword must be specified", s.name, prefix))
	}
	return username, password
}

// ownFile makes the path of a file absolute, from the directory of the configuration file.
func (l *loader) ownFile(path string) (string, error) {
	path = ini.ExpandUser(path)
	if path == "" || filepath.IsAbs(path) {
		return path, nil
	}
	return filepath.Join(l.here, path), nil
}

// allowedHosts reads a list of host names, each possibly with a leading *. for all names below it, or * for any host.
func allowedHosts(s string) ([]string, error) {
	var hosts []string
	for host := range strings.SplitSeq(s, ",") {
		host = strings.ToLower(strings.TrimSpace(host))
		if host == "" || host != "*" && strings.ContainsAny(strings.TrimPrefix(host, "*."), "*:/ ") {
			return nil, fmt.Errorf("%s is not a host name, *.name or *", ini.Repr(host))
		}
		hosts = append(hosts, host)
	}
	return hosts, nil
}

type userGroup struct{ uid, gid int }

// parseOwner reads user or user:group; the option's name is for the error text.
func parseOwner(option string) func(string) (userGroup, error) {
	return func(s string) (userGroup, error) {
		uid, gid, err := ini.Owner(s)
		if err != nil {
			return userGroup{}, fmt.Errorf("Invalid %s value %s", option, s)
		}
		return userGroup{uid, gid}, nil
	}
}

// parseMode reads permission bits; the option's name is for the error text.
func parseMode(option string) func(string) (int, error) {
	return func(s string) (int, error) {
		mode, err := ini.Octal(s)
		if err != nil {
			return 0, fmt.Errorf("Invalid %s value %s", option, s)
		}
		return mode, nil
	}
}

// inetAddress reads port, host:port or *:port. Host "" stands for all addresses.
func inetAddress(s string) (host string, port int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		if port, err = portNumber(s); err != nil {
			return "", 0, fmt.Errorf("not a valid port number: %s ", ini.Repr(s))
		}
		return "", port, nil
	}
	host, text := strings.ToLower(s[:i]), s[i+1:]
	if text == "" {
		return "", 0, fmt.Errorf("no port number specified in %s", ini.Repr(text))
	}
	if host == "*" {
		host = ""
	}
	port, err = portNumber(text)
	return host, port, err
}

func portNumber(s string) (int, error) {
	n, err := ini.Int(s)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, fmt.Errorf("%d is below lower bound (1)", n)
	case n > 65535:
		return 0, fmt.Errorf("%d is above upper bound (65535)", n)
	}
	return n, nil
}

// serverURL returns the address that children are told: the first Unix socket, else the last TCP server, as Supervisor.
func serverURL(inet []InetServer, unix []UnixServer) string {
	if len(unix) > 0 {
		return "unix://" + unix[0].File
	}
	if len(inet) == 0 {
		return ""
	}
	last := inet[len(inet)-1]
	scheme, host := "http", last.Host
	if last.CertFile != "" {
		scheme = "https"
	}
	if host == "" {
		host = "localhost"
	}
	return scheme + "://" + host + ":" + strconv.Itoa(last.Port)
}
