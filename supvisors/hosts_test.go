package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// Which names a browser may use, and that nothing but a browser is asked.
func TestKnownHosts(t *testing.T) {
	self, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	h := knownHosts{names: []string{"localhost", "radar.example.org"}, allowed: []string{"ops.example.com", "*.lab.example.com"},
		log: slog.New(slog.NewTextHandler(&log, nil))}.require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") }))
	for _, tt := range []struct {
		host string
		want int
	}{
		{"127.0.0.1:9001", 200}, {"127.0.0.1", 200}, {"192.0.2.7:80", 200}, {"[::1]:9001", 200}, {"[fe80::1]", 200},
		{"localhost:9001", 200}, {"LOCALHOST", 200}, {"app.localhost", 200}, {"rocky51:9001", 200}, {self, 200},
		{"radar.example.org:9001", 200}, {"Radar.Example.Org.:9001", 200}, {"", 200},
		{"ops.example.com", 200}, {"a.lab.example.com:1", 200}, {"a.b.lab.example.com", 200},
		{"lab.example.com", 403}, {"evillab.example.com", 403}, {"evil.example:9001", 403}, {"127.0.0.1.evil.example", 403},
		{"localhost.evil.example", 403}, {"radar.example.org.evil.example", 403}, {"example.org", 403},
	} {
		for header, value := range map[string]string{"User-Agent": "Mozilla/5.0", "Origin": "http://" + tt.host, "Sec-Fetch-Site": "same-origin",
			"Accept-Language": "en", "Referer": "http://" + tt.host + "/"} {
			log.Reset()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/RPC2", nil)
			r.Host = tt.host
			r.Header.Set(header, value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			refused := strings.Contains(w.Body.String(), "allowed_hosts") && strings.Contains(log.String(), "browser refused")
			if w.Code != tt.want || refused != (tt.want == 403) || (w.Body.String() == "in") != (tt.want == 200) {
				t.Errorf("%s with %s: %d %q, log %q", tt.host, header, w.Code, w.Body, log.String())
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/RPC2", nil)
	r.Host = "evil.example"
	r.Header.Set("User-Agent", "Python-xmlrpc/3.11")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("a script: %d", w.Code)
	}
}

// A port with a login asks for that alone; one without checks the name, and takes allowed_hosts from its section.
func TestHostsOfPorts(t *testing.T) {
	for _, tt := range []struct {
		options string
		login   bool
		want    int
	}{
		{"", false, 403},
		{"allowed_hosts=a.example, panel.example.com\n", false, 200},
		{"allowed_hosts=*\n", false, 200},
		{"username=u\npassword=p\n", true, 200},
		{"username=u\npassword=p\n", false, 401},
	} {
		p := newPlace(t)
		p.write("conf", strings.Replace(base, "@PORT@", "@PORT@\n"+tt.options, 1))
		d := p.start()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+p.port+"/ok.html", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "panel.example.com"
		r.Header.Set("Origin", "http://panel.example.com")
		if tt.login {
			r.SetBasicAuth("u", "p")
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != tt.want {
			t.Errorf("%q, login %v: %s", tt.options, tt.login, reply.Status)
		}
		d.stop()
	}
}
