package dashboard

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever a page sends, the answer is a document with a status of HTTP, and a refusal says why.
func FuzzRequests(f *testing.F) {
	for _, body := range []string{`{"action":"start","target":"loose"}`, `{"stats":["*"],"logs":[{"node":"n2","process":"loose","channel":"stdout","offset":-1}]}`,
		`{"action":"conciliate","strategy":"SENICIDE"}`, `[`, `{"action":null}`, "\xff", `{"logs":[{"offset":1e99}]}`} {
		f.Add(body, "before=1&limit=2&kind=job&node=n2&format=csv&process=loose&channel=stdout&down=n1,n2&app=loose&strategy=CONFIG")
	}
	f.Add("", "before=-9&limit=99999999999999999999&%zz=;&node=%00&channel=main&process=:")
	f.Fuzz(func(t *testing.T, body, query string) {
		l := newLab(t, "", "loose")
		l.cfg.MainLog = func() (string, error) { return t.TempDir() + "/none", nil }
		c := l.stream.enter(t.Context())
		for _, request := range []string{"POST jobs", "POST stream/" + c.id, "GET moments", "GET log", "GET log/file", "GET sequences", "GET rules", "GET plan"} {
			verb, path, _ := strings.Cut(request, " ")
			target := &url.URL{Path: "/ui/api/" + path, RawQuery: query}
			if strings.HasPrefix(path, "log") { // what needs a Supervisor is for its own tests
				q := target.Query()
				if q.Set("channel", "main"); q.Get("node") != "" && q.Get("node") != "n1" {
					q.Set("node", "zz")
				}
				target.RawQuery = q.Encode()
			}
			if path == "plan" { // likewise what needs the driver of a node
				q := target.Query()
				q.Set("down", q.Get("down")+",zz")
				target.RawQuery = q.Encode()
			}
			r := httptest.NewRequest(verb, "/", strings.NewReader(body))
			r.URL = target
			r.Header.Set("Content-Type", "application/json")
			if strings.HasPrefix(path, "stream") && strings.Contains(body, "logs") { // nobody is to follow anything
				var want Watching
				if json.Unmarshal([]byte(body), &want) == nil {
					want.Logs = nil
					r = httptest.NewRequest(verb, "/ui/api/"+path, strings.NewReader(string(encode(want))))
					r.Header.Set("Content-Type", "application/json")
				}
			}
			w := httptest.NewRecorder()
			l.ServeHTTP(w, r)
			refused := w.Code >= 400
			var refusal struct{ Message string }
			if err := json.Unmarshal(w.Body.Bytes(), &refusal); refused && (err != nil || refusal.Message == "") || w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s?%s %q: %d %s", request, query, body, w.Code, w.Body)
			}
		}
	})
}
