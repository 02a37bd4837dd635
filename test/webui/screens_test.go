package webui

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
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
		{"conflicts", "ui/conflicts", ".copy", "CPU", true, true},
		{"events", "ui/events", ".moments", "", false, false},
		{"rules", "ui/rules?app=shop", "main details", "", false, false},
		{"help", "ui/help", "main kbd", "", false, false},
		{"whatif", "ui/whatif?app=shop&strategy=LESS_LOADED", "main td", "node_", false, false},
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
			tb.visit(h.site + p.address)
			tb.until(p.address+" has its content", "T.find("+quote(p.there)+", "+quote(p.text)+")")
			get[bool](tb, `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true))))`)
			if p.name == "processes" && look.width > 1000 {
				tb.until("there is load", "T.find('.c-cpu', '%')")
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
