package agent

import (
	"runtime"
	"strings"
)

// Application is an application of this node; its architecture is that of the daemon.
type Application struct {
	Name         string // of its group
	URL          string // its alias (service_urls); "" without one
	Organization string
	Version      string
	Suspended    bool // all its programs are disabled here
}

// url returns what clients call the application.
func (a *Application) url() string {
	if a.URL != "" {
		return a.URL
	}
	return a.Name
}

// is reports whether a client means this application: by its name, its alias, or a URL whose last segment is the name.
func (a *Application) is(spec ServiceSpec) bool {
	if spec.Organization != "" && spec.Organization != a.Organization || spec.URL == "" {
		return false
	}
	return spec.URL == a.Name || spec.URL == a.URL || strings.HasSuffix(spec.URL, "/"+a.Name)
}

// Workload returns the application as agreements and events name it.
func (a *Application) Workload() Workload {
	return Workload{URL: a.url(), Organization: a.Organization, Version: a.Version, Arch: runtime.GOARCH}
}

// Workload is an application in an agreement.
type Workload struct {
	URL          string `json:"url"`
	Organization string `json:"org"`
	Version      string `json:"version"`
	Arch         string `json:"arch"`
}

// ServiceDependency is an application that another one needs.
type ServiceDependency struct {
	URL          string `json:"url"`
	Organization string `json:"org"`
	VersionRange string `json:"versionRange"`
	Arch         string `json:"arch"`
}

// Dependency returns the application as another one names it that needs it.
func (a *Application) Dependency() ServiceDependency {
	return ServiceDependency{URL: a.url(), Organization: a.Organization, VersionRange: anyVersion, Arch: runtime.GOARCH}
}

// archNames are the words of others for what Go calls an architecture.
var archNames = map[string]string{"x86_64": "amd64", "aarch64": "arm64", "armhf": "arm"}

// isOurArch reports whether a word stands for the architecture of this node.
func isOurArch(arch string) bool {
	if name, known := archNames[arch]; known {
		arch = name
	}
	return arch == runtime.GOARCH
}

// anyVersion is the range of all versions.
const anyVersion = "[0.0.0,INFINITY)"

// isVersionRange reports whether a text is a version, or a range of them such as [1.0,2) or (1.2.3,INFINITY).
func isVersionRange(text string) bool {
	if isVersion(text) {
		return true
	}
	if len(text) < 2 || !strings.ContainsAny(text[:1], "[(") || !strings.ContainsAny(text[len(text)-1:], "])") {
		return false
	}
	from, to, two := strings.Cut(text[1:len(text)-1], ",")
	return two && isVersion(from) && (to == "INFINITY" || isVersion(to))
}

// isVersion reports whether a text is of one to three numbers.
func isVersion(text string) bool {
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if part == "" || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return len(parts) <= 3
}
