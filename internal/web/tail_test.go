package web

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/rpc"
)

func TestTail(t *testing.T) {
	for _, tt := range []struct {
		query string
		fault error
		call  string
		title string
		text  string
		link  string // of Refresh
	}{
		{"", nil, "", "None", "No process name found", ""},
		{"?processname=", nil, "", "None", "No process name found", ""},
		{"?limit=5000", nil, "", "None", "No process name found", ""},
		{"?processname=web", nil, "web -1024 0", "web", "the log", "tail.html?processname=web&limit=1024"},
		{"?processname=q:a", nil, "q:a -1024 0", "q:a", "the log", "tail.html?processname=q%3Aa&limit=1024"},
		{"?processname=q%3Aa&limit=5000", nil, "q:a -5000 0", "q:a", "the log", "tail.html?processname=q%3Aa&limit=5000"},
		{"?processname=web&processname=q:a", nil, "web -1024 0", "web", "the log", "tail.html?processname=web&limit=1024"},
		{"?processname=web&limit=100", nil, "web -1024 0", "web", "the log", "tail.html?processname=web&limit=1024"},
		{"?processname=web&limit=abc", nil, "web -1024 0", "web", "the log", "tail.html?processname=web&limit=1024"},
		{"?processname=web&limit=-5000", nil, "web -1024 0", "web", "the log", "tail.html?processname=web&limit=1024"},
		{"?processname=web&limit=999999999", nil, "web -4194304 0", "web", "the log", "tail.html?processname=web&limit=999999999"},
		{"?processname=web&limit=99999999999999999999", nil, "web -4194304 0", "web", "the log", "tail.html?processname=web&limit=9223372036854775807"},
		{"?processname=nope", rpc.NewFault(rpc.BadName, "nope"), "nope -1024 0", "nope",
			"ERROR: unexpected rpc fault [10] BAD_NAME: nope", "tail.html?processname=nope&limit=1024"},
		{"?processname=nolog", rpc.NewFault(rpc.NoFile, "/x"), "nolog -1024 0", "nolog", "No file for nolog", "tail.html?processname=nolog&limit=1024"},
		{"?processname=%3Cb%3E", rpc.NewFault(rpc.NoFile), "<b> -1024 0", "<b>", "No file for <b>", "tail.html?processname=%3Cb%3E&limit=1024"},
	} {
		s := newSite(t)
		s.text = "the log"
		if tt.call != "" {
			s.faults["readProcessStdoutLog "+tt.call] = tt.fault
		}
		got := s.get("/tail.html" + tt.query)
		var links []string
		for _, a := range got.nodes(t, "a") {
			links = append(links, text(a)+" "+attr(a, "href"))
		}
		if pre := got.texts(t, "pre"); got.StatusCode != http.StatusOK || !slices.Equal(pre, []string{tt.text}) {
			t.Errorf("%s: %s, %q", tt.query, got.Status, pre)
		}
		if title := got.texts(t, "title"); !slices.Equal(title, []string{"Supervisor tail of process " + tt.title}) {
			t.Errorf("%s: title %q", tt.query, title)
		}
		if want := strings.Fields("Refresh " + tt.link); len(want) == 2 && !slices.Equal(links, []string{strings.Join(want, " ")}) || len(want) == 1 && links != nil {
			t.Errorf("%s: links %q", tt.query, links)
		}
		if calls := s.taken(); len(calls) > 1 || len(calls) == 1 && calls[0] != "readProcessStdoutLog "+tt.call || (len(calls) == 0) != (tt.call == "") {
			t.Errorf("%s: calls %q", tt.query, calls)
		}
	}
}

// Whatever a process writes stays text.
func TestTailText(t *testing.T) {
	for log, want := range map[string]string{
		"":                         "",
		"plain\nlines\n":           "plain\nlines\n",
		"</pre><script>x</script>": "</pre><script>x</script>",
		"&amp; {{.Name}}":          "&amp; {{.Name}}",
		"\x1b[31mred\x1b[0m":       "\x1b[31mred\x1b[0m",
		"\xa9 of a cut é":          "\uFFFD of a cut é",
	} {
		s := newSite(t)
		s.text = log
		got := s.get("/tail.html?processname=p")
		_, after, _ := strings.Cut(got.Text, "<pre>")
		pre, _, _ := strings.Cut(after, "</pre>")
		if html.UnescapeString(pre) != want || len(got.nodes(t, "script")) != 0 || len(got.nodes(t, "pre")) != 1 {
			t.Errorf("%q: %q", log, pre)
		}
	}
}

// tail_limit is for a page that is not told how much to show.
func TestTailLimit(t *testing.T) {
	s := newSite(t)
	s.handler.(*Pages).TailLimit = 3000
	for query, want := range map[string]string{"": "3000", "&limit=": "3000", "&limit=2000": "2000", "&limit=1": "1024"} {
		s.get("/tail.html?processname=web" + query)
		if calls := s.taken(); !slices.Equal(calls, []string{"readProcessStdoutLog web -" + want + " 0"}) {
			t.Errorf("%s: %q", query, calls)
		}
	}
}
