package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"

// Who may act, by what a browser or a script tells of itself. HOST is the address of the site.
func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		name      string
		headers   []string
		get, post int
	}{
		{"script", nil, 301, 301},
		{"script of another name", []string{"User-Agent", "Python-urllib/3.11"}, 301, 301},
		{"link on our page", []string{"User-Agent", browser, "Sec-Fetch-Site", "same-origin", "Referer", "http://HOST/"}, 301, 301},
		{"behind a proxy that hides the host", []string{"User-Agent", browser, "Sec-Fetch-Site", "same-origin", "Referer", "https://public.example/"}, 301, 301},
		{"typed or bookmarked", []string{"User-Agent", browser, "Sec-Fetch-Site", "none"}, 301, 301},
		{"another site", []string{"User-Agent", browser, "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"another host of our site", []string{"User-Agent", browser, "Sec-Fetch-Site", "same-site"}, 403, 403},
		{"another site that has our address as text", []string{"Sec-Fetch-Site", "cross-site", "Referer", "http://HOST/", "Origin", "http://HOST"}, 403, 403},
		{"a word of the future", []string{"Sec-Fetch-Site", "same-galaxy"}, 403, 403},
		{"plain http, our page", []string{"User-Agent", browser, "Referer", "http://HOST/index.html?message=x"}, 301, 301},
		{"plain http, our form", []string{"User-Agent", browser, "Origin", "http://HOST"}, 301, 301},
		{"plain http, another site", []string{"User-Agent", browser, "Referer", "http://evil.example/HOST"}, 403, 403},
		{"plain http, our address as a user", []string{"User-Agent", browser, "Referer", "http://HOST@evil.example/"}, 403, 403},
		{"plain http, form of another site", []string{"User-Agent", browser, "Origin", "http://evil.example", "Referer", "http://HOST/"}, 403, 403},
		{"plain http, hidden origin", []string{"User-Agent", browser, "Origin", "null"}, 403, 403},
		{"unreadable origin", []string{"User-Agent", browser, "Origin", "http://[evil"}, 403, 403},
		{"plain http, silent browser", []string{"User-Agent", browser}, 200, 301},
		{"fetched ahead", []string{"User-Agent", browser, "Sec-Fetch-Site", "none", "Sec-Purpose", "prefetch;prerender"}, 200, 200},
	} {
		s := newSite(t, process.Info{Group: "web", Name: "web"})
		headers := slices.Clone(tt.headers)
		for i := range headers {
			headers[i] = strings.ReplaceAll(headers[i], "HOST", strings.TrimPrefix(s.url, "http://"))
		}
		for _, query := range []string{"action=stop&processname=web", "action=restartall"} {
			for method, want := range map[string]int{http.MethodGet: tt.get, http.MethodPost: tt.post} {
				got := s.do(method, "/?"+query, "", headers...)
				if did := s.taken() != nil; got.StatusCode != want || did != (want == http.StatusMovedPermanently) {
					t.Errorf("%s: %s %s: %s, done: %v", tt.name, method, query, got.Status, did)
				}
			}
		}
		if refused := tt.get == http.StatusForbidden; refused != strings.Contains(s.log.String(), "action of another site refused") {
			t.Errorf("%s: log %q", tt.name, s.log.String())
		}
		if got := s.do(http.MethodGet, "/?message=x", "", headers...); got.StatusCode != http.StatusOK || !strings.Contains(got.Text, "Restart All") {
			t.Errorf("%s: looking: %s", tt.name, got.Status)
		}
	}
}

// An old request without a host is not of the page that has none either.
func TestOriginWithoutHost(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?action=stopall", nil)
	r.Host = ""
	r.Header.Set("Origin", "null")
	if got := judge(r); got != foreign {
		t.Error(got)
	}
}

// The page that asks back does, once it is answered, what was asked for.
func TestConfirm(t *testing.T) {
	const name = `a"><script>alert(1)</script>`
	for _, query := range []url.Values{
		{"action": {"stop"}, "processname": {"q:a"}},
		{"action": {"restartall"}},
		{"action": {"clearlog"}, "processname": {name}},
	} {
		s := newSite(t, process.Info{Group: "q", Name: "a"}, process.Info{Group: name, Name: name})
		page := s.do(http.MethodGet, "/index.html?"+query.Encode(), "", "User-Agent", browser)
		forms := page.nodes(t, "form")
		if len(forms) != 1 || attr(forms[0], "method") != "post" || attr(forms[0], "action") != "index.html" || len(page.nodes(t, "script")) != 0 {
			t.Fatalf("%v: %s", query, page.Text)
		}
		fields := url.Values{}
		for _, n := range page.nodes(t, "input") {
			fields.Add(attr(n, "name"), attr(n, "value"))
		}
		if fields.Encode() != query.Encode() {
			t.Errorf("%v: the form has %v", query, fields)
		}
		if calls := s.taken(); calls != nil {
			t.Errorf("%v: done before it was asked: %v", query, calls)
		}
		done := s.do(http.MethodPost, "/index.html", fields.Encode(), "User-Agent", browser, "Origin", s.url)
		if message := done.message(t); s.taken() == nil {
			t.Errorf("%v: not done: %s", query, message)
		}
	}
}

// What legacy_get_actions makes of a GET, by who asks; a POST is judged as ever.
func TestGetActions(t *testing.T) {
	script, ours := []string(nil), []string{"User-Agent", browser, "Sec-Fetch-Site", "same-origin"}
	silent, other := []string{"User-Agent", browser}, []string{"User-Agent", browser, "Sec-Fetch-Site", "cross-site"}
	for _, tt := range []struct {
		actions                     config.GetActions
		script, ours, silent, other int
	}{
		{config.ConfirmActions, 301, 301, 200, 403},
		{config.AllowActions, 301, 301, 301, 301},
		{config.DenyActions, 200, 200, 200, 403},
	} {
		s := newSite(t, process.Info{Group: "web", Name: "web"})
		s.handler.(*Pages).GetActions = tt.actions
		for want, headers := range map[*int][]string{&tt.script: script, &tt.ours: ours, &tt.silent: silent, &tt.other: other} {
			got := s.do(http.MethodGet, "/?action=stop&processname=web", "", headers...)
			if did := s.taken() != nil; got.StatusCode != *want || did != (*want == http.StatusMovedPermanently) {
				t.Errorf("%v %q: %s, done: %v; wanted %d", tt.actions, headers, got.Status, did, *want)
			}
		}
		post := s.do(http.MethodPost, "/?action=stop&processname=web", "", other...)
		if did := s.taken() != nil; post.StatusCode != http.StatusForbidden || did {
			t.Errorf("%v: POST of another site: %s, done: %v", tt.actions, post.Status, did)
		}
	}
}
