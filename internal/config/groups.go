package config

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

const (
	defaultPriority  = 999
	listenerPriority = -1 // listeners start first and stop last
	defaultHandler   = "supervisor.dispatchers:default_handler"
)

// groups reads all sections with programs, in Supervisor's order: groups, programs that are in none, listeners, FastCGI programs.
func (l *loader) groups(env []process.EnvVar) []Group {
	var groups []Group
	taken := map[string]bool{}
	add := func(g Group, ok bool) {
		if ok {
			groups = append(groups, g)
		}
	}
	for _, name := range l.named("group:") {
		add(l.group(name, env, taken))
	}
	for _, kind := range []Kind{Programs, EventListener, FastCGI} {
		for _, name := range l.named(kind.String() + ":") {
			if taken[name] {
				continue
			}
			switch kind {
			case EventListener:
				add(l.listenerGroup(name, env))
			case FastCGI:
				add(l.fastCGIGroup(name, env))
			default:
				add(l.programGroup(name, env))
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return l.unique(groups)
}

// group reads a [group:x] and marks its programs as taken.
func (l *loader) group(name string, env []process.EnvVar, taken map[string]bool) (Group, bool) {
	s := l.section(name, nil)
	g, ok := s.header(defaultPriority)
	programs := get(s, "programs", nil, parseList)
	if !ok {
		return g, false
	}
	for _, program := range programs {
		section, err := l.member(name, program)
		if err != nil {
			v, _ := s.lookup("programs")
			s.failAt(v.Pos, "", err.Error())
			continue
		}
		taken[section] = true
		g.Specs = append(g.Specs, l.specs(section, g.Name, env)...)
	}
	return g, true
}

// member finds the section of a program that a group names.
func (l *loader) member(group, program string) (section string, err error) {
	plain, fcgi := Programs.String()+":"+program, FastCGI.String()+":"+program
	switch {
	case l.doc.Has(plain) && l.doc.Has(fcgi):
		return "", fmt.Errorf("[%s] name %s is ambiguous (exists as program and fcgi-program)", group, program)
	case l.doc.Has(plain):
		return plain, nil
	case l.doc.Has(fcgi):
		return fcgi, nil
	}
	return "", fmt.Errorf("[%s] names unknown program or fcgi-program %s", group, program)
}

func (l *loader) programGroup(name string, env []process.EnvVar) (Group, bool) {
	g, ok := l.section(name, nil).header(defaultPriority)
	if ok {
		g.Specs = l.specs(name, g.Name, env)
	}
	return g, ok
}

// header begins a group with the name and priority of its section.
func (s *section) header(priority int) (Group, bool) {
	name, err := groupName(sectionName(s.name))
	if err != nil {
		s.fail(err.Error())
		return Group{}, false
	}
	return Group{Name: name, Priority: get(s, "priority", priority, ini.Int), Pos: s.pos()}, true
}

// listenerGroup reads an [eventlistener:x].
func (l *loader) listenerGroup(name string, env []process.EnvVar) (Group, bool) {
	s := l.section(name, nil)
	g, ok := s.header(listenerPriority)
	if !ok {
		return g, false
	}
	g.Kind = EventListener
	g.Listener = &Listener{
		BufferSize:    get(s, "buffer_size", 10, s.bufferSize),
		ResultHandler: s.text("result_handler", defaultHandler),
	}
	if v, ok := s.lookup("result_handler"); ok && g.Listener.ResultHandler != defaultHandler {
		s.warn(Problem{v.Pos, name, "result_handler", "only " + defaultHandler + " is known, it is used instead"})
	}
	if events := get(s, "events", nil, s.events); events != nil {
		g.Listener.Events = events
	} else if v, ok := s.lookup("events"); !ok || v.Text == "" {
		s.fail(fmt.Sprintf(`[%s] section requires an "events" line`, name))
	}
	if get(s, "redirect_stderr", false, ini.Bool) {
		v, _ := s.lookup("redirect_stderr")
		s.failAt(v.Pos, "redirect_stderr", fmt.Sprintf("[%s] section sets redirect_stderr=true but this is not allowed because it "+
			"will interfere with the eventlistener protocol", name))
	}
	for _, spec := range l.specs(name, g.Name, env) {
		spec.Listener = true
		g.Specs = append(g.Specs, spec)
	}
	return g, true
}

func (s *section) bufferSize(text string) (int, error) {
	n, err := ini.Int(text)
	if err == nil && n < 1 {
		err = fmt.Errorf("[%s] section sets invalid buffer_size (%d)", s.name, n)
	}
	return n, err
}

// fastCGIGroup reads a [fcgi-program:x] that is in no group.
func (l *loader) fastCGIGroup(name string, env []process.EnvVar) (Group, bool) {
	s := l.section(name, nil)
	g, ok := s.header(defaultPriority)
	if !ok {
		return g, false
	}
	g.Kind = FastCGI
	s.vars["program_name"] = g.Name
	g.Socket = s.socket()
	for _, spec := range l.specs(name, g.Name, env) {
		spec.FastCGI = g.Socket.URL
		g.Specs = append(g.Specs, spec)
	}
	return g, true
}

// socket reads the socket options of a FastCGI group. The result is empty when they are wrong.
func (s *section) socket() *Socket {
	user := -1
	if _, given := s.lookup("user"); given {
		user = get(s, "user", -1, ini.UID)
	}
	backlog := get(s, "socket_backlog", 0, parseBacklog)
	owner := get(s, "socket_owner", userGroup{-1, -1}, parseOwner("socket_owner"))
	mode := get(s, "socket_mode", -1, parseMode("socket_mode"))
	v, ok := s.expanded("socket")
	if _, given := s.lookup("socket"); !given || ok && v.Text == "" {
		s.fail(fmt.Sprintf(`[%s] section requires a "socket" line`, s.name))
		return &Socket{}
	}
	if !ok {
		return &Socket{}
	}
	socket, err := parseSocket(v.Text, user, owner, mode)
	if err != nil {
		s.failAt(v.Pos, "socket", fmt.Sprintf("%v in [%s] socket", err, s.name))
		return &Socket{}
	}
	socket.Backlog = backlog
	return socket
}

func parseBacklog(s string) (int, error) {
	n, err := ini.Int(s)
	if err == nil && (n < 1 || n > 65535) {
		err = fmt.Errorf("Invalid socket_backlog value %d", n)
	}
	return n, err
}

var tcpSocket = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^tcp://([^\s:]+):(\d+)$`)
})

// parseSocket reads unix:///path or tcp://host:port. owner and mode are -1 when they are not given, user when the program has none.
func parseSocket(text string, user int, owner userGroup, mode int) (*Socket, error) {
	if path, ok := strings.CutPrefix(text, "unix://"); ok {
		return unixSocket(path, user, owner, mode)
	}
	if owner.uid >= 0 || mode >= 0 {
		return nil, fmt.Errorf("socket_owner and socket_mode params should only be used with a Unix domain socket")
	}
	m := tcpSocket().FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("Bad socket format %s", text)
	}
	port, err := portNumber(m[2])
	if err != nil {
		return nil, err
	}
	address := strings.ToLower(m[1]) + ":" + strconv.Itoa(port)
	return &Socket{URL: "tcp://" + address, Network: "tcp", Address: address, UID: -1, GID: -1}, nil
}

// unixSocket gives the socket to the user of the program when no owner is named.
func unixSocket(path string, user int, owner userGroup, mode int) (*Socket, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("Unix socket path %s is not an absolute path", path)
	}
	path, err := ini.Normalize(path)
	if err != nil {
		return nil, err
	}
	if owner.uid < 0 && user >= 0 && user != os.Getuid() {
		gid, err := ini.GIDOf(user)
		if err != nil {
			return nil, err
		}
		owner = userGroup{user, gid}
	}
	if mode < 0 {
		mode = defaultMode
	}
	return &Socket{URL: "unix://" + path, Network: "unix", Address: path, Mode: mode, UID: owner.uid, GID: owner.gid}, nil
}

// unique keeps the first group of a name and the last process of a name in a group, as the running Supervisor does.
func (l *loader) unique(groups []Group) []Group {
	var kept []Group
	known := map[string]bool{}
	for _, g := range groups {
		if known[g.Name] {
			l.warn(Problem{Pos: g.Pos, Text: fmt.Sprintf("group %s is defined more than once, this one is ignored", g.Name)})
			continue
		}
		known[g.Name] = true
		last := map[string]int{}
		for i, spec := range g.Specs {
			last[spec.Name] = i
		}
		var specs []*process.Spec
		for i, spec := range g.Specs {
			if last[spec.Name] == i {
				specs = append(specs, spec)
			} else {
				l.warn(Problem{Pos: g.Pos, Text: fmt.Sprintf("group %s has more than one process named %s, the last one is kept", g.Name, spec.Name)})
			}
		}
		g.Specs = specs
		kept = append(kept, g)
	}
	return kept
}

func parseList(s string) ([]string, error) { return ini.List(s), nil }

// resolveServerURL gives each process with serverurl=AUTO the address of the daemon.
func resolveServerURL(groups []Group, url string) {
	for _, g := range groups {
		for _, spec := range g.Specs {
			if spec.AutoServerURL {
				spec.ServerURL = url
			}
		}
	}
}
