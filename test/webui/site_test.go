package webui

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func testCrossSite(t *testing.T, b *browser, w *world) {
	h := w.nodes[0]
	h.must("supervisor.startProcess", loose, true)
	before, err := h.snapshot()
	w.must(err)
	wish := `{"action":"stop","target":"loose","node":"","strategy":"","args":"","signal":""}`
	// A form can send JSON as text/plain, where its name and value are around an equals sign.
	head, tail, _ := strings.Cut(strings.Replace(wish, `"args":""`, `"args":"="`, 1), "=")
	evil := fmt.Sprintf(`<!DOCTYPE html><title>evil</title>
<img id="a" src="%[1]sindex.html?action=stop&processname=loose"><img id="b" src="%[1]sui/api/jobs?action=stop&target=loose">
<iframe name="f"></iframe><iframe name="g"></iframe><iframe name="i"></iframe>
<form id="text" method="post" enctype="text/plain" target="f" action="%[1]sui/api/jobs"><input name="%[2]s" value="%[3]s"></form>
<form id="plain" method="post" target="g" action="%[1]sui/api/jobs"><input name="action" value="stop"><input name="target" value="loose"></form>
<form id="old" method="post" target="i" action="%[1]sindex.html"><input name="action" value="stop"><input name="processname" value="loose"></form>
`, h.site, strings.ReplaceAll(head, `"`, "&quot;"), strings.ReplaceAll(tail, `"`, "&quot;"))
	site := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, evil)
	}))
	defer site.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(site.URL, "http://"), ":")
	for _, from := range []string{"http://127.0.0.1:" + port + "/", "http://localhost:" + port + "/"} { // another origin, another site
		tb := b.tab(t)
		tb.do(chromedp.Navigate(from))
		tb.until("the images were asked for", `[...document.images].every((i) => i.complete)`)
		sent := get[string](tb, fmt.Sprintf(`(async () => {
			const loads = [];
			for (const [form, frame] of [['text', 0], ['plain', 1], ['old', 2]]) {
				loads.push(new Promise((resolve) => { document.querySelectorAll('iframe')[frame].onload = () => resolve(form); }));
				document.getElementById(form).submit();
			}
			const answers = [];
			for (const mode of ['no-cors', 'cors']) answers.push(await fetch('%sui/api/jobs', { method: 'POST', mode, headers: { 'Content-Type': mode === 'cors' ? 'application/json' : 'text/plain' }, body: %s })
				.then((r) => r.type + r.status, (e) => e.name));
			return [...await Promise.all(loads), ...answers].join(' ');
		})()`, h.site, quote(wish)))
		t.Logf("from %s: %s", from, sent)
	}
	// A job of ours comes after all of theirs.
	tb := b.open(t, h.site+"ui/processes")
	tb.deed("batch:worker_1", "start")
	tb.until("ours is carried out", `T.state('batch:worker_1') === 'RUNNING'`)
	if state := get[string](tb, `T.state('loose')`); state != "RUNNING" {
		t.Errorf("%s is %s", loose, state)
	}
	after, err := h.snapshot()
	w.must(err)
	last := uint64(0)
	for _, j := range before.Jobs {
		last = max(last, j.ID)
	}
	for _, j := range after.Jobs {
		if j.ID > last && j.Target != "batch:worker_1" {
			t.Errorf("another site has made the job %+v", j)
		}
	}
	for _, name := range []string{"batch:worker_1", loose} {
		tb.deed(name, "stop")
		tb.agree()
		tb.until(name+" is down", fmt.Sprintf(`T.state('%s') === 'STOPPED'`, name))
	}
}

func testPrefix(t *testing.T, b *browser, w *world) {
	target, err := url.Parse(w.nodes[0].site)
	w.must(err)
	for name, rewrite := range map[string]func(*httputil.ProxyRequest){
		"host kept": func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		"host told": func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("/ops/sv/", http.StripPrefix("/ops/sv", &httputil.ReverseProxy{Rewrite: rewrite}))
			var astray []string
			mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/favicon.ico" {
					astray = append(astray, r.URL.String())
				}
				http.NotFound(rw, r)
			})
			site := httptest.NewServer(mux)
			defer site.Close()
			defer site.CloseClientConnections() // streams would keep it open
			tb := b.open(t, site.URL+"/ops/sv/ui/processes/loose/loose")
			tb.click("main [data-do=start]", "")
			tb.toast("done", "loose")
			tb.until("it runs", `T.text('main .big') === 'RUNNING'`)
			tb.click("#nav a", "Processes")
			tb.until("links lead on below the prefix", `location.pathname === '/ops/sv/ui/processes' && T.state('loose') === 'RUNNING'`)
			w.nodes[1].must("supervisor.startProcess", "batch:worker_2", true)
			tb.until("changes come through", `T.state('batch:worker_2') === 'RUNNING'`)
			w.nodes[1].must("supervisor.stopProcess", "batch:worker_2", true)
			tb.until("and others", `T.state('batch:worker_2') === 'STOPPED'`)
			tb.deed(loose, "stop")
			tb.agree()
			tb.until("it is down", `T.state('loose') === 'STOPPED'`)
			all := pages(w)
			for _, address := range sorted(all) {
				tb.visit(site.URL + "/ops/sv/" + address)
				tb.until(address+" has its content", "T.find("+quote(all[address])+")")
			}
			tb.visit(site.URL + "/ops/sv/ui/processes/shop/web")
			tb.until("a log follows", `T.find('.l', 'request')`)
			n := get[int](tb, `document.querySelectorAll('.l').length`)
			tb.until("it goes on", fmt.Sprintf(`document.querySelectorAll('.l').length > %d`, n))
			tb.calm()
			tb.do(chromedp.Navigate("about:blank"))
			if len(astray) > 0 {
				t.Errorf("outside of the prefix the page asked for %q", astray)
			}
		})
	}
}

// TestLogin is about a daemon alone that asks who is there, in the clear and with TLS, and lets one user only look.
func TestLogin(t *testing.T) {
	cert, key := certificate(t)
	trusting := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: patience}
	for scheme, files := range map[string]string{"http": "", "https": "certfile=" + cert + "\nkeyfile=" + key + "\n"} {
		t.Run(scheme, func(t *testing.T) {
			w := newWorld(t, 0, "username=ann\npassword=secret\nread_only_username=bob\nread_only_password=look\n"+files+
				"[program:loose]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n")
			site := scheme + strings.TrimPrefix(w.nodes[0].site, "http")
			w.until("it answers", func() string {
				r, err := trusting.Get(site + "ui/")
				if err != nil {
					return err.Error()
				}
				r.Body.Close()
				if r.StatusCode != http.StatusUnauthorized {
					t.Fatalf("without a login the answer is %s", r.Status)
				}
				return ""
			})
			as := func(b *browser, login string) *tab {
				tb := b.tab(t)
				tb.do(chromedp.Navigate(strings.Replace(site, "://", "://"+login+"@", 1) + "ui/processes"))
				tb.until("the process is there", `T.state('loose') === 'STOPPED'`)
				tb.until("the login is not in the address any more", `!new URL(document.baseURI).username && T.live()`)
				return tb
			}
			b := newBrowser(t)
			ann, bob := as(b, "ann:secret"), as(newBrowser(t), "bob:look") // one browser knows one login of a site
			if protocol, want := get[string](ann, `performance.getEntriesByType('navigation')[0].nextHopProtocol`), map[string]string{"http": "http/1.1", "https": "h2"}[scheme]; protocol != want {
				t.Errorf("the page came by %s", protocol)
			}
			ann.deed(loose, "start")
			bob.until("it runs", `T.state('loose') === 'RUNNING'`)
			bob.until("he is told that he may only look", `T.find('#top', 'read only')`)
			bob.until("its buttons do not act", `[...document.querySelectorAll('main :is([data-do=start], [data-do=stop], [data-do=restart])')].every((e) => e.getAttribute('aria-disabled') === 'true' && e.title.includes('may only'))`)
			answer := get[int](bob, `fetch('ui/api/jobs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"action":"stop","target":"loose"}' }).then((r) => r.status)`)
			if answer != http.StatusForbidden {
				t.Errorf("what he asks for all the same is answered with %d", answer)
			}
			ann.click("#nav a", "Events")
			ann.until("it is known who has started it", `T.find('.moment', 'ann')`)
			ann.calm()
			bob.calm()
			if scheme != "https" {
				return
			}
			var all []*tab
			for range 8 { // more than the connections that a browser would have without HTTP/2
				all = append(all, b.open(t, site+"ui/processes"))
			}
			for _, tb := range all {
				tb.until("it is still live", `T.live()`)
			}
		})
	}
}

// certificate makes one for 127.0.0.1 and returns the files of it and of its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
