package web

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// statusPage is what status.html shows.
type statusPage struct {
	Message string
	Rows    []row
	Version string
	Year    int
}

// row is one process. Its links are relative: the page may be behind a proxy that adds a prefix.
type row struct {
	Shade       bool
	State       string
	Class       string
	Description string
	Name        string
	Tail        template.URL
	Links       []link
}

// link is an action that is offered; without a name it keeps the place of one that is not.
type link struct {
	Name string
	Href template.URL
	New  bool // opens another tab
}

// status serves the table of processes, and does what its links ask for. HEAD does nothing.
func (p *Pages) status(w http.ResponseWriter, r *http.Request) {
	if word := field(r, "action"); word != "" && r.Method != http.MethodHead {
		p.act(w, r, word)
		return
	}
	now := time.Now()
	page := statusPage{Message: field(r, "message"), Version: p.Version, Year: now.Year()}
	for i, proc := range p.Processes() {
		page.Rows = append(page.Rows, newRow(proc.Info, now, i%2 == 1))
	}
	p.show(w, http.StatusOK, "status.html", page)
}

func newRow(i process.Info, now time.Time, shade bool) row {
	name := process.Namespec{Group: i.Group, Process: i.Name}.String()
	return row{
		Shade: shade, State: strings.ToLower(i.State.String()), Class: class(i.State), Description: i.Description(now, time.Local),
		Name: name, Tail: template.URL("tail.html?processname=" + quote(name)), Links: links(name, i.State),
	}
}

// class is the name under which the style sheet knows a state.
func class(s process.State) string {
	switch s {
	case process.Running:
		return "statusrunning"
	case process.Fatal, process.Backoff:
		return "statuserror"
	}
	return "statusnominal"
}

// links are the actions on a process in the order of the page: two places for what its state allows, then its logs.
func links(name string, s process.State) []link {
	quoted := quote(name)
	do := func(text, word string) link {
		return link{Name: text, Href: template.URL("index.html?processname=" + quoted + "&action=" + word)}
	}
	var first, second link
	switch s {
	case process.Running:
		first, second = do("Restart", "restart"), do("Stop", "stop")
	case process.Starting, process.Backoff:
		second = do("Stop", "stop")
	case process.Stopped, process.Exited, process.Fatal:
		first = do("Start", "start")
	}
	return []link{
		first, second, do("Clear Log", "clearlog"),
		{Name: "Tail -f Stdout", Href: template.URL("logtail/" + quoted), New: true},
		{Name: "Tail -f Stderr", Href: template.URL("logtail/" + quoted + "/stderr"), New: true},
	}
}
