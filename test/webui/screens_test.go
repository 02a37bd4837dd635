package webui

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var screens = flag.String("screens", "", "a directory for pictures of the pages, such as ../../docs/dashboard")

// TestScreens takes pictures of a cluster with a conflict, a lost node and a program that cannot be started.
func TestScreens(t *testing.T) {
	if *screens == "" {
		t.Skip("-screens names no directory")
	}
	b := newBrowser(t)
	w := newCluster(t)
	w.must(os.MkdirAll(*screens, 0o755))
	h := w.nodes[0]
	h.call("supervisor.startProcess", "batch:flaky", true) // a failure, as it should be
	w.nodes[2].must("supervisor.startProcess", loose, true)
	w.nodes[2].must("supervisor.startProcess", "batch:worker_3", true)
	w.nodes[1].must("supervisor.startProcess", "batch:worker_1", true)
	w.nodes[1].must("supervisor.startProcess", "batch:worker_2", true)
	h.comes("batch:flaky", "FATAL")
	tb := b.open(t, h.site+"ui/nodes/"+h.name+"/host")
	tb.until("there are some samples", `parseInt(T.text('main .acts > .muted')) > 6`)
	w.nodes[2].kill()
	tb.visit(h.site + "ui/")
	tb.until("it is lost", `T.find('.hatch', 'Lost')`)
	w.conflict(w.nodes[0], w.nodes[1])

	for _, p := range []struct {
		name, address, there string // there is a selector, or one with a text in it
		text                 string
		dark, phone          bool
	}{
		{"map", "ui/", ".nodehead", "CPU", true, true},
		{"processes", "ui/processes", "tr[data-row]", "", true, true},
		{"node", "ui/nodes/node_b", "tr[data-row]", "", false, false},
		{"host", "ui/nodes/node_a/host", ".chart canvas", "", true, true},
		{"application", "ui/apps/shop", "details.lanes", "", false, false},
		{"failure", "ui/processes/batch/flaky", "main .tail", "", false, true},
		{"log", "ui/processes/shop/web", ".l", "request", true, true},
		{"conflicts", "ui/conflicts", ".copy", "%", true, true},
		{"events", "ui/events", ".moments", "", false, false},
		{"rules", "ui/rules?app=shop", "main details", "", false, false},
		{"help", "ui/help", "main kbd", "", false, false},
		{"whatif", "ui/whatif?app=shop&strategy=LESS_LOADED", "main td", "node_", false, false},
		{"many", w.crowd(30), ".nodehead", "edge-29", true, true},
	} {
		if p.name == "whatif" { // what is up already is in no plan
			for _, name := range []string{"shop:db", "shop:web"} {
				for _, n := range w.nodes[:2] {
					n.call("supervisor.stopProcess", name, true) // it is up on one of them
				}
				h.comes(name, "STOPPED")
			}
		}
		for _, look := range []struct {
			name, scheme  string
			width, height int64
			wanted        bool
		}{{"", "light", 1440, 900, true}, {"-dark", "dark", 1440, 900, p.dark}, {"-phone", "light", 390, 844, p.phone}} {
			if !look.wanted {
				continue
			}
			tb.do(chromedp.EmulateViewport(look.width, look.height))
			tb.scheme(look.scheme)
			if strings.HasPrefix(p.address, "ui/") {
				p.address = h.site + p.address
			}
			tb.visit(p.address)
			tb.until(p.address+" has its content", "T.find("+quote(p.there)+", "+quote(p.text)+")")
			get[bool](tb, `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))`)
			if p.name == "processes" && look.width > 1000 {
				tb.until("there is load", `T.rows().every((n) => T.state(n) !== 'RUNNING' || /%/.test(T.row(n).querySelector('.c-cpu').innerText))`)
			}
			data := slim(t, run(tb, chromedp.CaptureScreenshot()))
			if len(data) > 150_000 {
				t.Errorf("the picture of %s%s has %d bytes", p.name, look.name, len(data))
			}
			w.must(os.WriteFile(filepath.Join(*screens, p.name+look.name+".png"), data, 0o644))
			t.Logf("%s%s: %d bytes", p.name, look.name, len(data))
		}
	}
}

// crowd serves the map of a made-up cluster, with the pages of the first node.
func (w *world) crowd(n int) string {
	w.t.Helper()
	var all map[string]any
	r, err := client.Get(w.nodes[0].site + "ui/api/snapshot")
	w.must(err)
	defer r.Body.Close()
	w.must(json.NewDecoder(r.Body).Decode(&all))
	var nodes, apps []any
	for i := range n {
		node := maps.Clone(all["nodes"].([]any)[0].(map[string]any))
		name := fmt.Sprintf("edge-%02d.rack-%d.example.org", i, i/8)
		node["id"], node["nick"], node["host"], node["load"], node["state"], node["held"], node["missed"] = name, name, name, i*37%100, "RUNNING", []any{}, ""
		if i == 7 {
			node["state"], node["held"], node["missed"] = "STOPPED", []any{"imaging:filter_07"}, "it does not answer any more"
		}
		nodes = append(nodes, node)
	}
	app := maps.Clone(all["applications"].([]any)[0].(map[string]any))
	for _, name := range []string{"acquisition", "imaging", "a-name-that-is-longer-than-others-are"} {
		var processes []any
		for i := range 3 * n {
			p := maps.Clone(app["processes"].([]any)[0].(map[string]any))
			short, at := fmt.Sprintf("filter_%02d", i), nodes[i*7%n].(map[string]any)["id"]
			p["name"], p["process"], p["state"], p["real"], p["why"], p["where"], p["on"], p["conflict"] = name+":"+short, short, "RUNNING", "RUNNING", "", at, []any{at}, false
			copied := maps.Clone(p["at"].([]any)[0].(map[string]any))
			copied["node"], copied["state"], copied["pid"] = at, "RUNNING", 1000+i
			p["at"] = []any{copied}
			processes = append(processes, p)
		}
		one := maps.Clone(app)
		one["name"], one["processes"], one["state"] = name, processes, "RUNNING"
		apps = append(apps, one)
	}
	cluster := all["cluster"].(map[string]any)
	cluster["state"], cluster["master"] = "OPERATION", nodes[0].(map[string]any)["id"]
	all["nodes"], all["applications"] = nodes, apps
	snapshot, err := json.Marshal(all)
	w.must(err)
	target, err := url.Parse(w.nodes[0].site)
	w.must(err)
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	mux.HandleFunc("POST /ui/api/stream/x", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/ui/api/stream", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(rw, "event: hello\ndata: {\"conn\":\"x\",\"snapshot\":%s}\n\n", snapshot)
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	site := httptest.NewServer(mux)
	w.t.Cleanup(site.Close)
	w.t.Cleanup(site.CloseClientConnections) // streams would keep it open
	return site.URL + "/ui/"
}

// slim draws a picture with the 256 colours that are most frequent in it: pages have few.
func slim(t *testing.T, data []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	size := full.Bounds()
	frequent := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			frequent[at(x, y)]++
		}
	}
	var all []color.RGBA
	for c := range frequent {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int { return frequent[b] - frequent[a] })
	var palette color.Palette
	for _, c := range all[:min(256, len(all))] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range all {
		index[c] = uint8(palette.Index(c))
	}
	few := image.NewPaletted(size, palette)
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			few.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, few); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
