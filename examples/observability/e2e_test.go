package observability

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/examples/internal/story"
)

// tools skips a test where Prometheus is not installed.
func tools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed (Debian: apt-get install prometheus)", tool)
		}
	}
}

// prometheus asks the one of the story.
type prometheus struct{ url string }

// sample is one series at one moment.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // time, and the value as a text
}

// alert is one that was raised, or is about to be.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       string            `json:"state"`
}

// get reads what the API has at a path.
func (p prometheus) get(t *testing.T, path string, query url.Values, out any) {
	t.Helper()
	resp, err := http.Get(p.url + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: out}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %v: %s %s %v", path, query, answer.Status, answer.Error, err)
	}
}

// query evaluates an expression.
func (p prometheus) query(t *testing.T, expr string) []sample {
	t.Helper()
	var data struct{ Result []sample }
	p.get(t, "query", url.Values{"query": {expr}}, &data)
	return data.Result
}

// documented are the names of all series that docs/metrics.md lists.
func documented(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(supvisors_\\w+)` \\| (\\w+)").FindAllStringSubmatch(text(t, "../../docs/metrics.md"), -1) {
		names[row[1]] = true
		if row[2] == "histogram" {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				names[row[1]+part] = true
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d names are documented", len(names))
	}
	return names
}

func text(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// panel is one of the dashboard.
type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func panels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal([]byte(text(t, "grafana-dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// Alerts and panels are about series that there are.
func TestNames(t *testing.T) {
	known := documented(t)
	for _, file := range []string{"alerts.yml", "alerts_test.yml", "grafana-dashboard.json", "README.md"} {
		for _, name := range regexp.MustCompile(`\bsupvisors_\w+`).FindAllString(text(t, file), -1) {
			if !known[name] {
				t.Errorf("%s: %s is not documented", file, name)
			}
		}
	}
}

// Grafana wants panels with names of their own that do not lie on each other.
func TestDashboard(t *testing.T) {
	all := panels(t)
	for i, p := range all {
		if p.Type != "row" && (len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24) {
			t.Errorf("%s: %+v", p.Title, p)
		}
		for _, q := range all[:i] {
			a, b := p.GridPos, q.GridPos
			if p.ID == q.ID || a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%d %s and %d %s collide", p.ID, p.Title, q.ID, q.Title)
			}
		}
	}
}

// Each alert has its proof, and promtool accepts it.
func TestAlerts(t *testing.T) {
	tools(t)
	proofs := text(t, "alerts_test.yml")
	for _, name := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(text(t, "alerts.yml"), -1) {
		if !strings.Contains(proofs, `alertname="`+name[1]+`"`) {
			t.Errorf("%s is not tested", name[1])
		}
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}, {"check", "config", "prometheus.yml"}} {
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// TestReadme lets the real Prometheus watch three nodes, one of which loses a program.
func TestReadme(t *testing.T) {
	tools(t)
	s := story.Open(t)
	config := strings.ReplaceAll(s.Read("prometheus.yml"), "_interval: 5s", "_interval: 1s")
	if err := os.WriteFile(s.Path("prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Play(t, "Start the three nodes")
	s.Settled(t, "61401")
	s.Play(t, "Check the files")
	s.Play(t, "Start Prometheus")
	p := prometheus{"http://127.0.0.1:" + s.Port("61409")}
	if up := p.query(t, `up{job="supvisors"} == 1`); len(up) != 3 {
		t.Errorf("up: %v", up)
	}
	statesAreShown(t, s, p)
	namesAreDocumented(t, p)
	dashboardShows(t, s, p)

	s.Play(t, "Break a program")
	var data struct{ Alerts []alert }
	p.get(t, "alerts", nil, &data)
	firing := slices.DeleteFunc(data.Alerts, func(a alert) bool { return a.State != "firing" })
	want := "fragile:fragile is FATAL on 127.0.0.1:" + s.Port("61402")
	if len(firing) != 1 || firing[0].Labels["alertname"] != "SupvisorsProcessFatal" || firing[0].Annotations["summary"] != want {
		t.Errorf("firing: %+v", firing)
	}
	statesAreShown(t, s, p)
	s.Play(t, "Repair it")
	s.Play(t, "Stop everything")
	s.End(t)
}

// statesAreShown waits until Prometheus has the state of each process as its node tells it.
func statesAreShown(t *testing.T, s *story.Story, p prometheus) {
	t.Helper()
	want := map[[2]string]string{}
	for _, port := range []string{"61401", "61402", "61403"} {
		var all []struct {
			Group string `xmlrpc:"group"`
			Name  string `xmlrpc:"name"`
			State int    `xmlrpc:"state"`
		}
		if err := s.Call(t, port, "supervisor.getAllProcessInfo", &all); err != nil || len(all) != 2 {
			t.Fatalf("%v %v", all, err)
		}
		for _, info := range all {
			want[[2]string{"127.0.0.1:" + s.Port(port), info.Group + ":" + info.Name}] = strconv.Itoa(info.State)
		}
	}
	s.Await(t, "the states of all processes", func() bool {
		got := p.query(t, "supvisors_process_state")
		right := 0
		for _, m := range got {
			key := [2]string{m.Metric["instance"], m.Metric["group"] + ":" + m.Metric["name"]}
			if state, known := want[key]; known && m.Value[1] == state {
				right++
			}
		}
		return right == len(want) && len(got) == len(want)
	})
}

// namesAreDocumented checks the names of all series that the nodes have shown.
func namesAreDocumented(t *testing.T, p prometheus) {
	t.Helper()
	known := documented(t)
	var names []string
	p.get(t, "label/__name__/values", nil, &names)
	ours := 0
	for _, name := range names {
		if strings.HasPrefix(name, "supvisors_") {
			ours++
			if !known[name] {
				t.Errorf("%s is not documented", name)
			}
		}
	}
	if ours < 30 {
		t.Errorf("only %d series are ours: %v", ours, names)
	}
}

// quiet are the panels that have nothing to show while all is well.
var quiet = []string{"Restarts in 5 minutes", "Down against all wishes", "Faults", "Events that wait for listeners, and lost ones", "Trouble"}

// dashboardShows evaluates what the panels ask for.
func dashboardShows(t *testing.T, s *story.Story, p prometheus) {
	t.Helper()
	variables := strings.NewReplacer("$job", "supvisors", "$instance", ".+", "$__rate_interval", "1m")
	for _, panel := range panels(t) {
		for _, target := range panel.Targets {
			expr := variables.Replace(target.Expr)
			shown := func() bool { return len(p.query(t, expr)) > 0 }
			if slices.Contains(quiet, panel.Title) {
				shown() // it must be an expression at least
				continue
			}
			s.Await(t, panel.Title+" shows "+expr, shown)
		}
	}
}
