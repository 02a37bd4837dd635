package dashboard

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// Each page is the shell with its title, and its way to the root of the site; what does not exist is 404.
func TestPages(t *testing.T) {
	l := newLab(t, shop, "shop:db", "loose")
	l.process("n2", "shop:db", process.Starting)
	l.fails("n2", "shop:db", process.Fatal, "Exited too quickly", "exit status 3")
	site := doortest.Serve(t, l)
	for _, tt := range []struct {
		path        string
		status      int
		title, base string
	}{
		{"", 200, "Cluster", "./../"},
		{"processes", 200, "Processes", "./../"},
		{"processes?q=x&state=FATAL&node=n1&sort=name", 200, "Processes", "./../"},
		{"nodes/n2", 200, "n2", "./../../"},
		{"nodes/the-n2", 200, "the-n2", "./../../"},
		{"nodes/n2/host", 200, "n2", "./../../../"},
		{"nodes/n2/log", 200, "n2", "./../../../"},
		{"apps/shop", 200, "shop", "./../../"},
		{"processes/shop/db?node=n2&tab=log", 200, "shop:db", "./../../../"},
		{"conflicts", 200, "Conflicts", "./../"},
		{"events?kind=node", 200, "Events", "./../"},
		{"rules?app=shop", 200, "Rules", "./../"},
		{"whatif?app=shop&strategy=CONFIG&down=n2", 200, "What if", "./../"},
		{"help", 200, "Help", "./../"},
		{"nodes/zz", 404, "zz", "./../../"},
		{"nodes/", 404, "", "./../../"},
		{"apps/zz", 404, "zz", "./../../"},
		{"processes/shop/zz", 404, "shop:zz", "./../../../"},
		{"processes/zz/db", 404, "zz:db", "./../../../"},
		{"processes/shop", 404, "No such page", "./../../"},
		{"nonsense", 404, "No such page", "./../"},
		{"a/b/c/d", 404, "No such page", "./../../../../"},
	} {
		a := doortest.Do(t, "GET", site, "/ui/"+tt.path, "")
		for _, want := range []string{"<title>(1!) " + tt.title + " – Supvisors</title>", `<base href="` + tt.base + `">`, `<main id="main"`, `src="ui/static/app.js"`} {
			if !strings.Contains(a.Text, want) {
				t.Errorf("%s lacks %q: %.400s", tt.path, want, a.Text)
			}
		}
		if a.StatusCode != tt.status || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", tt.path, a.StatusCode, a.Header)
		}
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "script-src 'self';", "style-src 'self';", "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: policy %q lacks %q", tt.path, csp, want)
			}
		}
		if a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" {
			t.Errorf("%s: %v", tt.path, a.Header)
		}
		if head := doortest.Do(t, "HEAD", site, "/ui/"+tt.path, ""); head.StatusCode != tt.status || head.Text != "" {
			t.Errorf("HEAD %s: %d %q", tt.path, head.StatusCode, head.Text)
		}
		if post := doortest.Do(t, "POST", site, "/ui/"+tt.path, "x=1"); post.StatusCode != 405 || post.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d", tt.path, post.StatusCode)
		}
	}
	page := doortest.Do(t, "GET", site, "/ui/", "").Text
	for _, want := range []string{">shop:db</a>", "<td>FATAL</td>", "Exited too quickly; exit status 3 after 0.25 s on the-n2", ">the-n3</a>", "State OPERATION, Master the-n1", "<td>the-n2</td>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	if text := doortest.Do(t, "GET", site, "/ui/apps/shop", "").Text; strings.Contains(text, ">loose</a>") || !strings.Contains(text, ">shop:db</a>") {
		t.Error(text)
	}
	if a := doortest.Do(t, "GET", site, "/ui", ""); a.StatusCode != 302 || a.Header.Get("Location") != "ui/" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for request, want := range map[string]string{"GET /ui/api/zz": "there is no GET /ui/api/zz", "POST /ui/api/snapshot": "there is no POST /ui/api/snapshot"} {
		verb, path, _ := strings.Cut(request, " ")
		if a := doortest.Do(t, verb, site, path, ""); a.StatusCode != 404 || !strings.Contains(a.Text, want) || a.Kind() != "json" {
			t.Errorf("%s: %d %s", request, a.StatusCode, a.Text)
		}
	}
}

// Whatever things are called, a page shows it as text.
func TestHostileNames(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	l := newLab(t, "", "loose")
	l.rename("n2", "javascript:"+evil)
	l.info("n2", evil+":x", func(*cluster.ProcessInfo) {})
	l.process("n1", "loose", process.Starting)
	l.fails("n1", "loose", process.Fatal, "</td>"+evil, "</main>")
	l.cfg.Look.Name, l.cfg.Look.Styles = "</title>"+evil, []string{`x" onload="` + evil}
	site := doortest.Serve(t, l)
	for _, path := range []string{"", "nodes/%22%3E%3Cscript%3E", "apps/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%3Cscript%3E", "processes/%3Cscript%3E/y"} {
		text := doortest.Do(t, "GET", site, "/ui/"+path, "").Text
		if scripts := strings.Count(text, "<script"); scripts != 1 || strings.Contains(text, `href="javascript`) || strings.Contains(text, `" onload`) ||
			strings.Count(text, "</title>") != 1 || strings.Count(text, "</main>") != 1 {
			t.Errorf("%s: %d scripts: %s", path, scripts, text)
		}
	}
}

// Everything that the shell and the scripts name is there, with its type; it is sent once, and packed to whom understands that.
func TestAssets(t *testing.T) {
	l := newLab(t, "")
	site := doortest.Serve(t, l)
	page := doortest.Do(t, "GET", site, "/ui/", "").Text
	named := regexp.MustCompile(`"ui/static/([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 3 {
		t.Fatalf("the shell names %q", named)
	}
	for _, m := range named {
		if l.files[m[1]] == nil {
			t.Errorf("the shell names %s, which does not exist", m[1])
		}
	}
	imports := regexp.MustCompile(`(?:from|import)\s*\(?\s*'(\.{1,2}/[^']+)'`)
	raw, packed := 0, 0
	for name, asset := range l.files {
		file, err := asset.content()
		if err != nil {
			t.Fatal(err)
		}
		path := "/ui/static/" + name
		a := doortest.Do(t, "GET", site, path, "", "Accept-Encoding", "identity")
		tag := a.Header.Get("ETag")
		if a.StatusCode != 200 || a.Text != string(file.data) || tag == "" || a.Header.Get("Vary") != "Accept-Encoding" || a.ContentLength != int64(len(a.Text)) {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Header)
		}
		if kind := a.Header.Get("Content-Type"); strings.HasSuffix(name, ".js") && kind != "text/javascript; charset=utf-8" || kind == "" {
			t.Errorf("%s is %q", name, kind)
		}
		if a := doortest.Do(t, "GET", site, path, "", "If-None-Match", tag); a.StatusCode != 304 || a.Text != "" {
			t.Errorf("%s, unchanged: %d", name, a.StatusCode)
		}
		if a := doortest.Do(t, "GET", site, path, "", "If-None-Match", `"other"`, "Accept-Encoding", "br, gzip"); a.StatusCode == 200 && a.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(strings.NewReader(a.Text))
			if err != nil {
				t.Fatal(err)
			}
			if data, err := io.ReadAll(unpacked); err != nil || string(data) != string(file.data) {
				t.Errorf("%s, packed: %v", name, err)
			}
		} else if len(file.gzip) < len(file.data) {
			t.Errorf("%s is not packed: %d %v", name, a.StatusCode, a.Header)
		}
		for _, m := range imports.FindAllStringSubmatch(string(file.data), -1) {
			from := strings.TrimSuffix(name, name[strings.LastIndex(name, "/")+1:])
			to := from + strings.TrimPrefix(m[1], "./")
			if up, ok := strings.CutPrefix(m[1], "../"); ok {
				to = up
			}
			if strings.HasSuffix(name, ".js") && l.files[to] == nil {
				t.Errorf("%s imports %s, which does not exist", name, m[1])
			}
		}
		if name != "THIRD_PARTY.md" { // the licences of others, which no page loads
			raw, packed = raw+len(file.data), packed+len(file.gzip)
		}
	}
	if raw > 160_000 || packed > 60_000 {
		t.Errorf("the files have %d bytes, %d packed", raw, packed)
	}
	for _, name := range []string{"zz.js", "../pages.go", "pages", "", "%2e%2e/model.go"} {
		if a := doortest.Do(t, "GET", site, "/ui/static/"+name, ""); a.StatusCode == 200 {
			t.Errorf("%q: %s", name, a.Text)
		}
	}
}

// A Supervisor alone has the same pages, without nodes and rules.
func TestAlonePages(t *testing.T) {
	d := newAlone(t, "[group:g]\nprograms=b,a\n[program:b]\ncommand=PLAY idle\nstartsecs=0\npriority=1\n[program:a]\ncommand=PLAY idle\nautostart=false\n"+
		"[program:early]\ncommand=PLAY idle\nautostart=false\npriority=2000\n")
	d.shows("g:b", "RUNNING")
	var s Snapshot
	if d.get("/ui/api/snapshot", &s); s.Cluster.Clustered || s.Cluster.State != "RUNNING" || s.Cluster.Self != "tester" || s.Cluster.Version != "1.2.3" ||
		len(s.Nodes) != 1 || len(s.Applications) != 2 || s.Applications[0].Name != "early" || s.Applications[1].State != "RUNNING" ||
		s.Applications[1].Processes[0].Name != "g:a" || s.Applications[1].Processes[1].At[0].PID == 0 {
		t.Errorf("%+v", s)
	}
	if m := s.Moments; len(m) == 0 || !slices.ContainsFunc(m, func(m Moment) bool { return strings.HasPrefix(m.Text, "g:b is RUNNING on tester") }) {
		t.Errorf("%+v", m)
	}
	for path, status := range map[string]int{"": 200, "processes": 200, "apps/g": 200, "processes/g/b": 200, "nodes/tester": 200, "apps/zz": 404, "conflicts": 200,
		"events": 200, "rules": 200, "help": 200} {
		if a := d.do("GET", "/ui/"+path, ""); a.StatusCode != status || !strings.Contains(a.Text, "My &lt;cluster&gt;") || strings.Contains(a.Text, "<caption>Nodes") ||
			!strings.Contains(a.Text, `href="ui/mine.css"`) {
			t.Errorf("%s: %d %.300s", path, a.StatusCode, a.Text)
		}
	}
	var config struct {
		Program [][2]string
		File    string
		Rules   []decision
		Notes   []string
	}
	d.get("/ui/api/config?process=g:b", &config)
	if !slices.Contains(config.Program, [2]string{"name", "b"}) || !strings.Contains(config.File, "supervisord.conf:") || len(config.Program) < 20 || config.Rules == nil || config.Notes == nil {
		t.Errorf("%+v", config)
	}
	d.refused("/ui/api/config?process=g:zz", 404, "g:zz is not configured there")
	d.refused("/ui/api/plan?app=g", 404, "no cluster")
	d.refused("/ui/api/stats", 404, "there are no statistics")
	var previews struct{ Previews []Preview }
	if d.get("/ui/api/previews", &previews); previews.Previews == nil || len(previews.Previews) != 0 {
		t.Errorf("%+v", previews)
	}
	p := open(t, d.site, "")
	d.done(`{"action":"stop","target":"g:b"}`)
	for {
		data, _ := p.until("change")
		if strings.Contains(data, `"name":"g:b","process":"b","program":"b","state":"STOPPED"`) {
			break
		}
	}
}

// The timeline can be asked for by part, as a document and as a table.
func TestMoments(t *testing.T) {
	l := newLab(t, "", "loose", "shop:db")
	l.process("n2", "loose", process.Starting, process.Running)
	l.process("n3", "shop:db", process.Starting)
	l.note(Moment{Kind: "job", Level: "info", Text: "somebody asked, \"please\"", User: "somebody"})
	d := &desk{Dashboard: l.Dashboard, t: t, site: doortest.Serve(t, l)}
	total := len(l.past.moments)
	last := l.past.moments[total-1].ID
	for query, want := range map[string]int{"": total, "limit=2": 2, "kind=job": 1, "node=n3&kind=process": 1, "node=the-n3&kind=process": 1, "app=shop": 1,
		"process=loose": 2, "q=RUNNING+on+the-N2": 1, "q=zz": 0, "before=3": 2, "node=zz": 0, "limit=99999": total} {
		var got struct{ Moments []Moment }
		if d.get("/ui/api/moments?"+query, &got); len(got.Moments) != want || got.Moments == nil {
			t.Errorf("%s: %d moments, wanted %d", query, len(got.Moments), want)
		}
		if query == "limit=2" && (got.Moments[0].ID != last-1 || got.Moments[1].ID != last) {
			t.Errorf("%+v", got.Moments)
		}
	}
	for _, query := range []string{"before=x", "before=-1", "limit=0", "limit=x"} {
		d.refused("/ui/api/moments?"+query, 400, "")
	}
	a := d.do("GET", "/ui/api/moments?kind=job&format=csv", "")
	lines := strings.Split(a.Text, "\n")
	if lines[0] != "id,time,kind,level,text,node,application,process,user" || !strings.Contains(lines[1], `Z,job,info,"somebody asked, ""please""",,,,somebody`) ||
		a.Header.Get("Content-Type") != "text/csv; charset=utf-8" || a.StatusCode != http.StatusOK {
		t.Errorf("%q %v", lines, a.Header)
	}
	var sequences struct{ Sequences []Sequence }
	if d.get("/ui/api/sequences?app=shop", &sequences); len(sequences.Sequences) != 1 || sequences.Sequences[0].Kind != "start" {
		t.Errorf("%+v", sequences)
	}
	if d.get("/ui/api/sequences?app=zz", &sequences); sequences.Sequences == nil || len(sequences.Sequences) != 0 {
		t.Errorf("%+v", sequences)
	}
}

// Rules, plans and previews of a real node.
func TestWhatIf(t *testing.T) {
	nodes := newNodes(t, shared)
	d := nodes[0]
	id := func(i int) string { return nodes[i].current().Self.Identifier }
	var plan Plan
	if d.get("/ui/api/plan?process=app:one&strategy=CONFIG", &plan); len(plan.Steps) != 1 || plan.Steps[0].Node != id(0) || len(plan.Steps[0].Scores) != 2 {
		t.Errorf("%+v", plan)
	}
	if d.get("/ui/api/plan?process=app:one&strategy=CONFIG&down=n1", &plan); len(plan.Steps) != 1 || plan.Steps[0].Node != id(1) {
		t.Errorf("%+v", plan)
	}
	if d.get("/ui/api/plan?process=app:one&down=n1,n2", &plan); len(plan.Steps) != 1 || plan.Steps[0].Node != "" || plan.Steps[0].State != "FATAL" || plan.Steps[0].Reason == "" {
		t.Errorf("%+v", plan)
	}
	d.refused("/ui/api/plan?process=app:one&strategy=WILD", 400, "WILD")
	d.refused("/ui/api/plan?process=app:one&down=n1,zz", 400, "there is no node zz")
	d.refused("/ui/api/plan?process=zz", 409, "")
	var all struct {
		Files, Problems []string
		Programs        []ruledProcess
	}
	if d.get("/ui/api/rules", &all); all.Files == nil || len(all.Files)+len(all.Problems) > 0 {
		t.Errorf("%+v", all)
	}
	d.cfg.RulesRead = func() ([]string, []rules.Problem) {
		return []string{"/etc/rules.xml"}, []rules.Problem{{File: "/etc/rules.xml", Line: 3, Column: 5, Text: "no such model"}}
	}
	if d.get("/ui/api/rules?app=app", &all); !slices.Equal(all.Files, []string{"/etc/rules.xml"}) || len(all.Problems) != 1 ||
		!strings.HasPrefix(all.Problems[0], "/etc/rules.xml:3:5: ") || len(all.Programs) != 2 || !all.Programs[1].Managed ||
		!slices.ContainsFunc(all.Programs[1].Program, func(d decision) bool {
			return d.Rule == "expected_loading" && d.Value == "10" && strings.Contains(d.By, "rules.xml")
		}) {
		t.Errorf("%+v", all)
	}
	if d.get("/ui/api/rules?app=zz", &all); all.Programs == nil || len(all.Programs) != 0 {
		t.Errorf("%+v", all)
	}
	var config struct{ Program [][2]string }
	if d.get("/ui/api/config?node=n2&process=app:one", &config); !slices.Contains(config.Program, [2]string{"group", "app"}) {
		t.Errorf("%+v", config)
	}
	d.refused("/ui/api/config?node=zz&process=app:one", 404, "there is no node zz")
	for _, n := range nodes { // n1 first
		if err := n.sup.StartProcess(t.Context(), process.ParseNamespec("app:one"), true); err != nil {
			t.Fatal(err)
		}
	}
	d.until("the conflict is there", func(s *Snapshot) bool { return s.Applications[0].Processes[1].Conflict })
	var found struct{ Previews []Preview }
	d.get("/ui/api/previews", &found)
	want := map[string]string{"SENICIDE": id(0) + " keeps " + id(1), "INFANTICIDE": id(1) + " keeps " + id(0), "STOP": id(0) + " " + id(1) + " keeps ",
		"RESTART": id(0) + " " + id(1) + " keeps ", "RUNNING_FAILURE": id(0) + " " + id(1) + " keeps "}
	for _, p := range found.Previews {
		if got := strings.Join(p.Stops, " ") + " keeps " + strings.Join(p.Keeps, " "); got != want[p.Strategy] || p.Process != "app:one" ||
			(p.Then == "") == (p.Strategy == "RESTART" || p.Strategy == "RUNNING_FAILURE") {
			t.Errorf("%+v, wanted %s", p, want[p.Strategy])
		}
	}
	if len(found.Previews) != len(want) {
		t.Errorf("%+v", found)
	}
}
