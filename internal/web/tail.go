package web

import (
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/rpc"
)

// How much of a log the tail page shows, in bytes: at least, which is also what it shows when it is not told; and at most, since
// the whole page is held in memory.
const (
	minTail = 1024
	maxTail = 4 << 20
)

// tailPage is what tail.html shows.
type tailPage struct {
	Name    string
	Text    string
	Refresh template.URL // none without a name
}

// tail serves the end of the stdout log of a process.
func (p *Pages) tail(w http.ResponseWriter, r *http.Request) {
	name := field(r, "processname")
	if name == "" {
		p.show(w, http.StatusOK, "tail.html", tailPage{Name: "None", Text: "No process name found"})
		return
	}
	limit := p.TailLimit
	if text := field(r, "limit"); text != "" {
		limit, _ = strconv.Atoi(text) // what is no number is 0, and what is too large for one the largest
	}
	limit = max(limit, minTail)
	p.show(w, http.StatusOK, "tail.html", tailPage{
		Name: name, Text: p.logEnd(r, name, min(limit, maxTail)),
		Refresh: template.URL(fmt.Sprintf("tail.html?processname=%s&limit=%d", quote(name), limit)),
	})
}

// logEnd is the end of the log, or what is said in its place.
func (p *Pages) logEnd(r *http.Request, name string, limit int) string {
	value, err := p.Table.Call(r.Context(), "supervisor.readProcessStdoutLog", []any{name, -limit, 0})
	if err != nil {
		if rpc.AsFault(err).Code == rpc.NoFile {
			return "No file for " + name
		}
		return "ERROR: " + unexpected(err)
	}
	text, _ := value.(string)
	return strings.ToValidUTF8(text, "\uFFFD") // the first character may be cut
}
