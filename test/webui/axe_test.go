package webui

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"testing"
)

// axe comes with npm ci.
const axe = "node_modules/axe-core/axe.min.js"

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// findings are the serious and the critical ones that axe-core has of the present page; none without axe-core.
func (tb *tab) findings() []string {
	tb.t.Helper()
	script, err := os.ReadFile(axe)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		tb.t.Fatal(err)
	}
	get[bool](tb, "(() => {"+string(script)+";\n return true; })()")
	return get[[]string](tb, `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations
		.filter((v) => v.impact === 'serious' || v.impact === 'critical')
		.map((v) => v.impact + ' ' + v.id + ' x' + v.nodes.length + ': ' + v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary || '').replace(/\s+/g, ' ').slice(0, 200)).join(' ; ')))`)
}

func testAccessible(t *testing.T, b *browser, w *world) {
	if _, err := os.Stat(axe); err != nil {
		t.Skipf("there is no axe-core: %v; npm ci --ignore-scripts brings it", err)
	}
	for _, scheme := range []string{"light", "dark"} {
		tb := b.tab(t)
		tb.scheme(scheme)
		n := 0
		tb.through(w, func(address string) {
			n++
			for _, finding := range tb.findings() {
				t.Errorf("%s, %s: %s", address, scheme, finding)
			}
		})
		t.Logf("%d pages were looked at in %s", n, scheme)
		// Dialogs are pages too.
		tb.visit(w.nodes[0].site + "ui/processes/shop/web")
		tb.click("main [data-do=stop]", "")
		tb.until("it asks", `document.querySelector('dialog[open]')`)
		for _, finding := range tb.findings() {
			t.Errorf("question, %s: %s", scheme, finding)
		}
		tb.keys("\x1b")
		tb.until("the question is gone", `!document.querySelector('dialog[open]')`)
		tb.keys(":")
		tb.until("the palette is there", `document.querySelector('dialog.palette[open] li')`)
		for _, finding := range tb.findings() {
			t.Errorf("palette, %s: %s", scheme, finding)
		}
		tb.calm()
	}
}
