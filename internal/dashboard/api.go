package dashboard

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// maxBody bounds what a page sends, in bytes, and bodyTimeout how long that may take.
const (
	maxBody     = 1 << 20
	bodyTimeout = 30 * time.Second
)

// answer sends a document.
func answer(w http.ResponseWriter, status int, document any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(encode(document)) // an error means that the browser has gone
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, struct {
		Message string `json:"message"`
	}{message})
}

// readJSON reads the body of a request. When it cannot be had, the answer is given and the result is false.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "the body must be application/json") // no form of another site can be that
		return false
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // the recorder of a test has no deadlines
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return true
		}
		err = errors.New("something follows the document")
	}
	refuse(w, http.StatusBadRequest, "the body cannot be read: "+err.Error())
	return false
}

// nodeOf finds the node that a query names. When there is none, the answer is given.
func (d *Dashboard) nodeOf(w http.ResponseWriter, q url.Values) (string, bool) {
	node, ok := d.identifier(q.Get("node"))
	if !ok {
		refuse(w, http.StatusNotFound, "there is no node "+q.Get("node"))
	}
	return node, ok
}

func (d *Dashboard) serveSnapshot(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, d.Snapshot())
}

// maxMomentsAnswer bounds one answer with moments.
const maxMomentsAnswer = 1000

// serveMoments answers with a part of the timeline, newest last.
func (d *Dashboard) serveMoments(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	before, limit := uint64(1)<<63, maxMomentsAnswer
	if text := q.Get("before"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("before: %q is not the id of a moment", text))
			return
		}
		before = n
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("limit: %q is not a number of moments", text))
			return
		}
		limit = min(n, maxMomentsAnswer)
	}
	node, ok := d.identifier(q.Get("node"))
	if !ok {
		node = q.Get("node") // that of one that has left for good
	}
	search := strings.ToLower(q.Get("q"))
	found := []Moment{}
	d.mu.Lock()
	for _, m := range slices.Backward(d.past.moments) {
		if len(found) == limit {
			break
		}
		if m.ID < before && (q.Get("kind") == "" || m.Kind == q.Get("kind")) && (q.Get("node") == "" || m.Node == node) &&
			(q.Get("app") == "" || m.App == q.Get("app")) && (q.Get("process") == "" || m.Process == q.Get("process")) &&
			strings.Contains(strings.ToLower(m.Text), search) {
			found = append(found, m)
		}
	}
	d.mu.Unlock()
	slices.Reverse(found)
	if q.Get("format") == "csv" {
		sendCSV(w, found)
		return
	}
	answer(w, http.StatusOK, struct {
		Moments []Moment `json:"moments"`
	}{found})
}

func sendCSV(w http.ResponseWriter, moments []Moment) {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="events.csv"`)
	out := csv.NewWriter(w)
	out.Write([]string{"id", "time", "kind", "level", "text", "node", "application", "process", "user"})
	for _, m := range moments {
		out.Write([]string{strconv.FormatUint(m.ID, 10), time.UnixMicro(int64(m.Time * 1e6)).UTC().Format("2006-01-02T15:04:05.000Z"), m.Kind, m.Level,
			m.Text, m.Node, m.App, m.Process, m.User})
	}
	out.Flush() // an error means that the browser has gone
}

func (d *Dashboard) serveSequences(w http.ResponseWriter, r *http.Request) {
	app := r.URL.Query().Get("app")
	found := []Sequence{}
	d.mu.Lock()
	for _, s := range d.past.sequences[app] {
		copied := *s
		copied.Steps = slices.Clone(s.Steps)
		found = append(found, copied)
	}
	d.mu.Unlock()
	answer(w, http.StatusOK, struct {
		Sequences []Sequence `json:"sequences"`
	}{found})
}

// serveStats answers with the history of the statistics of a node, with those of one process if it is named.
func (d *Dashboard) serveStats(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	of, ok := d.nodeOf(w, q)
	if !ok {
		return
	}
	self := d.current().Self.Identifier
	if of != self {
		d.forward(w, r, of, "stats", url.Values{"process": {q.Get("process")}})
		return
	}
	c, period := d.cfg.Statistics, d.cfg.Period
	if c == nil {
		refuse(w, http.StatusNotFound, "there are no statistics")
		return
	}
	wall := now()
	mono := node.NewClock().Mono(time.Now())
	samples := []Stats{}
	if name := q.Get("process"); name != "" {
		history, _ := c.ProcessHistory(name, period)
		for _, p := range history.Points {
			s := newStats(self, wall-(mono-float64(p.NowMonotonic)))
			s.Processes[name] = [2]Cell{float64(p.CPU), float64(p.Mem)}
			if !d.cfg.Irix {
				s.share(c.Cores())
			}
			samples = append(samples, *s)
		}
	} else {
		for _, h := range c.HostHistory(period) {
			s := newStats(self, wall-(mono-float64(h.NowMonotonic)))
			s.fill(h)
			samples = append(samples, *s)
		}
	}
	answer(w, http.StatusOK, struct {
		Period  float64 `json:"period"` // seconds
		Samples []Stats `json:"samples"`
	}{period.Seconds(), samples})
}

// decision is one rule and what has decided it.
type decision struct {
	Rule  string `json:"rule"`
	Value string `json:"value"`
	By    string `json:"by"`
}

func decisions(list []rules.Decision) []decision {
	all := make([]decision, len(list))
	for i, d := range list {
		by := d.By
		if d.Source != (rules.Source{}) {
			by += " at " + d.Source.String()
		}
		all[i] = decision{d.Rule, d.Value, by}
	}
	return all
}

// serveConfig answers with the configuration of a process on a node, and the rules that hold for it there.
func (d *Dashboard) serveConfig(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	node, ok := d.nodeOf(w, q)
	if !ok {
		return
	}
	if node != d.current().Self.Identifier {
		d.forward(w, r, node, "config", url.Values{"process": {q.Get("process")}})
		return
	}
	ns := process.ParseNamespec(q.Get("process"))
	value, err := d.call(r.Context(), node, "supervisor.getAllConfigInfo")
	if err != nil {
		refuse(w, http.StatusBadGateway, faultText(err))
		return
	}
	program := [][2]string{}
	entries, _ := value.([]any)
	for _, entry := range entries {
		config, _ := entry.(rpc.Map)
		name, _ := config.Get("name")
		group, _ := config.Get("group")
		if name != ns.Process || group != ns.Group {
			continue
		}
		for _, m := range config {
			program = append(program, [2]string{m.Name, fmt.Sprint(m.Value)})
		}
	}
	if len(program) == 0 {
		refuse(w, http.StatusNotFound, ns.String()+" is not configured there")
		return
	}
	e := d.explainRules(ns)
	answer(w, http.StatusOK, struct {
		Program [][2]string `json:"program"`
		File    string      `json:"file"`
		Rules   []decision  `json:"rules"`
		Notes   []string    `json:"notes"`
	}{program, d.cfg.Supervisor.Section(ns), append(decisions(e.ApplicationRules), decisions(e.ProgramRules)...), list(e.Notes)})
}

// explainRules tells which rules hold for a process; nothing without rules.
func (d *Dashboard) explainRules(ns process.Namespec) rules.Explanation {
	set := d.cfg.Rules()
	if set == nil {
		return rules.Explanation{}
	}
	return set.Explain(ns.Group, ns.Process, d.cfg.Options.Starting)
}

// ruledProcess is a process with its rules.
type ruledProcess struct {
	Process     string     `json:"process"`
	App         string     `json:"app"`
	Managed     bool       `json:"managed"`
	Application []decision `json:"application"`
	Program     []decision `json:"program"`
	Notes       []string   `json:"notes"`
}

// serveRules answers with the rules of all processes, or of those of one application, with their files and what is wrong in these.
func (d *Dashboard) serveRules(w http.ResponseWriter, r *http.Request) {
	only := r.URL.Query().Get("app")
	programs := []ruledProcess{}
	configured := map[string][]string{}
	for _, app := range d.current().Applications {
		for _, p := range app.Processes {
			configured[app.Name] = append(configured[app.Name], p.Namespec.Process)
			if only != "" && app.Name != only {
				continue
			}
			e := d.explainRules(p.Namespec)
			programs = append(programs, ruledProcess{p.Namespec.String(), app.Name, app.Rules.Managed, decisions(e.ApplicationRules),
				decisions(e.ProgramRules), list(e.Notes)})
		}
	}
	var files []string
	var problems []rules.Problem
	if d.cfg.RulesRead != nil {
		files, problems = d.cfg.RulesRead()
	}
	problems = append(slices.Clip(problems), d.cfg.Rules().Unused(configured)...)
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	answer(w, http.StatusOK, struct {
		Files    []string       `json:"files"`
		Problems []string       `json:"problems"`
		Programs []ruledProcess `json:"programs"`
	}{list(files), lines, programs})
}

// servePlan answers with what would become of a start.
func (d *Dashboard) servePlan(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !d.fixed.Clustered {
		refuse(w, http.StatusNotFound, "there is no cluster in which a place would have to be found")
		return
	}
	what := cluster.WhatIf{Application: q.Get("app"), Process: q.Get("process")}
	var err error
	strategy := cmp.Or(q.Get("strategy"), d.strategyOf(cmp.Or(what.Application, process.ParseNamespec(what.Process).Group)))
	if what.Strategy, err = rules.ParseStartingStrategy(strategy); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	for name := range strings.SplitSeq(q.Get("down"), ",") {
		if name == "" {
			continue
		}
		node, ok := d.identifier(name)
		if !ok {
			refuse(w, http.StatusBadRequest, "there is no node "+name)
			return
		}
		what.Down = append(what.Down, node)
	}
	value, err := d.cfg.Node.Ask(r.Context(), what)
	if err != nil {
		refuse(w, http.StatusConflict, faultText(err))
		return
	}
	plan := Plan{Steps: []PlanStep{}}
	for _, p := range value.([]cluster.Prospect) {
		step := PlanStep{Process: p.Namespec.String(), Number: p.Number, State: p.State.String(), Node: p.Node, Reason: p.Reason, Scores: []PlanNode{}}
		for _, c := range p.Choices {
			step.Scores = append(step.Scores, PlanNode{c.Node, c.Load, c.Reason})
		}
		plan.Steps = append(plan.Steps, step)
	}
	answer(w, http.StatusOK, plan)
}
