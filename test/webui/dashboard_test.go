package webui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestDashboard goes through all that leaves the cluster as it was.
func TestDashboard(t *testing.T) {
	b := newBrowser(t)
	w := newCluster(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *browser, *world)
	}{
		{"two tabs", testTwoTabs},
		{"failed start", testFailedStart},
		{"slow start", testSlowStart},
		{"bulk", testBulk},
		{"log", testLog},
		{"log of another node", testLogElsewhere},
		{"six logs", testSixLogs},
		{"conflict", testConflict},
		{"cross-site", testCrossSite},
		{"phone", testPhone},
		{"dark", testDark},
		{"keyboard", testKeyboard},
		{"accessible", testAccessible},
		{"no script", testNoScript},
		{"timeline", testTimeline},
		{"what if", testWhatIf},
		{"prefix", testPrefix},
		{"latency", testLatency},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, b, w) })
	}
}

const loose = "loose" // a process that no rule knows

func testTwoTabs(t *testing.T, b *browser, w *world) {
	hand, eye := b.open(t, w.nodes[0].site+"ui/processes"), b.open(t, w.nodes[1].site+"ui/processes")
	get[bool](eye, `window.loaded = true`)
	// The clocks of both tabs are that of the machine.
	get[bool](hand, `(() => { document.addEventListener('click', () => { window.clicked = T.clock(); }, true); return true; })()`)
	var times []time.Duration
	change := func(action, state string, ask bool) {
		get[bool](eye, fmt.Sprintf(`(() => { window.seen = T.when(() => T.state('loose') === '%s' && T.clock(), %d); return true; })()`, state, patience.Milliseconds()))
		hand.deed(loose, action)
		if ask {
			hand.agree()
		}
		seen := get[*float64](eye, `window.seen`)
		if seen == nil {
			t.Fatalf("%s is not seen as %s in the other tab: %s", loose, state, get[string](eye, `T.state('loose')`))
		}
		times = append(times, millis(*seen-get[float64](hand, `window.clicked`)))
		hand.until(loose+" is "+state+" here too", fmt.Sprintf(`T.state('loose') === '%s'`, state))
	}
	for range 10 {
		change("start", "RUNNING", false)
		change("stop", "STOPPED", true)
	}
	change("start", "RUNNING", false)
	pid := get[string](eye, `T.row('loose').querySelector('.c-pid').innerText`)
	hand.deed(loose, "restart")
	hand.agree()
	eye.until("the restart shows with another pid", fmt.Sprintf(`T.state('loose') === 'RUNNING' && ![%s, ''].includes(T.row('loose').querySelector('.c-pid').innerText)`, quote(pid)))
	change("stop", "STOPPED", true)
	if !get[bool](eye, `window.loaded === true`) {
		t.Error("the page of the other node was loaded again")
	}
	hand.calm()
	eye.calm()
	t.Logf("from the click to the row on another node: p50 %v, p95 %v of %d changes", quantile(times, 0.5), quantile(times, 0.95), len(times))
}

func testFailedStart(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/processes/batch/flaky")
	tb.click("main [data-do=start]", "")
	text := tb.toast("failed", "batch:flaky")
	contains(t, "the toast", text, "exit status 3", "cannot open /etc/missing")
	tb.until("the page is that of a failure", `T.text('main .big') === 'FATAL' && T.find('main .note.bad', 'exit status 3')`)
	tb.until("the last lines of stderr are on the page", `T.find('main .tail', 'cannot open /etc/missing')`)
	tb.until("the title tells of it", `document.title.startsWith('(')`)
	// Also who comes later, to another node.
	other := b.open(t, w.nodes[2].site+"ui/processes/batch/flaky")
	other.until("another node tells why", `T.find('main .note.bad', 'exit status 3') && T.find('main .tail', 'cannot open /etc/missing')`)
	other.click("#top .counts a", "failed")
	other.until("the count leads to it", `T.rows().includes('batch:flaky') && T.state('batch:flaky') === 'FATAL'`)
	tb.calm()
	other.calm()
}

func testSlowStart(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[1].site+"ui/processes?q=slow")
	tb.deed("batch:slow", "start")
	tb.until("it is starting", `T.state('batch:slow') === 'STARTING' && T.find('#top .counts a', 'starting')`)
	tb.until("the job runs meanwhile", `T.find('.toast.running', 'batch:slow')`)
	tb.toast("done", "batch:slow")
	tb.until("it is up", `T.state('batch:slow') === 'RUNNING'`)
	// Stopped while it starts.
	tb.deed("batch:slow", "stop")
	tb.agree()
	tb.until("it is down", `T.state('batch:slow') === 'STOPPED'`)
	tb.deed("batch:slow", "start")
	tb.until("it is starting", `T.state('batch:slow') === 'STARTING'`)
	tb.deed("batch:slow", "stop")
	tb.agree()
	tb.until("it is down again", `T.state('batch:slow') === 'STOPPED'`)
	tb.calm()
}

func testBulk(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/processes")
	tb.fill("main .search", "worker")
	tb.until("only workers show", `T.rows().length === 4 && T.rows().every((n) => n.includes('worker'))`)
	for _, i := range []int{0, 1, 2} {
		tb.clickOn(fmt.Sprintf(`T.row('batch:worker_%d').querySelector('[data-do=select]')`, i))
	}
	tb.until("three are selected", `T.find('.bulk', '3 selected')`)
	tb.click(".bulk button", "Start 3")
	tb.agree2()
	tb.until("three run", `[0, 1, 2].every((i) => T.state('batch:worker_' + i) === 'RUNNING')`)
	tb.until("the filter is still there", `T.rows().length === 4 && T.find('main .search').value === 'worker'`)
	// What others do meanwhile does not disturb it.
	w.nodes[1].must("supervisor.startProcess", "batch:worker_3", true)
	tb.until("the fourth runs too", `T.state('batch:worker_3') === 'RUNNING'`)
	tb.click(".bulk button", "Stop 3")
	tb.until("the question names what it hits", `['batch:worker_0', 'batch:worker_1', 'batch:worker_2'].every((n) => T.text('dialog[open]').includes(n)) && T.text('dialog[open]').includes('3 running')`)
	tb.agree()
	tb.until("three are down", `[0, 1, 2].every((i) => T.state('batch:worker_' + i) === 'STOPPED')`)
	tb.toast("done", "3 of 3 done")
	if state := get[string](tb, `T.state('batch:worker_3')`); state != "RUNNING" {
		t.Errorf("the one that was not selected is %s", state)
	}
	tb.until("the address has the filter", `new URLSearchParams(location.search).get('q') === 'worker'`)
	if got := get[string](tb, `T.find('main .search').value + ' ' + T.rows().length`); got != "worker 4" {
		t.Errorf("the filter has become %q", got)
	}
	w.nodes[1].must("supervisor.stopProcess", "batch:worker_3", true)
	tb.until("all are down", `T.state('batch:worker_3') === 'STOPPED'`)
	tb.calm()
}

// agree2 answers a question, where there is one.
func (tb *tab) agree2() {
	tb.t.Helper()
	if get[bool](tb, `T.when(() => document.querySelector('dialog[open], .toast'), 60000).then(() => !!document.querySelector('dialog[open]'))`) {
		tb.agree()
	}
}

// pages are all kinds of pages and what has to be on each before it is looked at.
func pages(w *world) map[string]string {
	n := w.nodes[1].name
	return map[string]string{
		"ui/":                                      ".map, .cards",
		"ui/?view=cards":                           ".cards",
		"ui/?view=nodes":                           "main table",
		"ui/?view=apps":                            "main table",
		"ui/processes":                             "tr[data-row]",
		"ui/processes?group=node":                  "tr.group",
		"ui/processes?sel=shop:db":                 ".bulk",
		"ui/nodes/" + n:                            "tr[data-row]",
		"ui/nodes/" + n + "/host":                  ".chart canvas",
		"ui/nodes/" + n + "/log":                   ".l",
		"ui/apps/shop":                             "details.lanes",
		"ui/processes/shop/web":                    ".l",
		"ui/processes/batch/flaky":                 "main .tabs",
		"ui/processes/shop/web?tab=stats":          ".chart canvas, .empty",
		"ui/processes/shop/web?tab=events":         ".moments",
		"ui/processes/shop/web?tab=config":         "main table",
		"ui/conflicts":                             "main .empty, .conflict",
		"ui/events":                                ".moments",
		"ui/rules":                                 "main details",
		"ui/whatif?app=batch&strategy=LESS_LOADED": "main .acts",
		"ui/help":                                  "main kbd",
		"ui/processes/no/such":                     "main .empty",
	}
}

// through shows each page in turn.
func (tb *tab) through(w *world, look func(address string)) {
	tb.t.Helper()
	all := pages(w)
	for _, address := range sorted(all) {
		tb.visit(w.nodes[0].site + address)
		tb.until(address+" has its content", "T.find("+quote(all[address])+")")
		look(address)
	}
}

func testPhone(t *testing.T, b *browser, w *world) {
	tb := b.tab(t)
	tb.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	tb.through(w, func(address string) {
		if width := get[int](tb, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); width > 390 {
			t.Errorf("%s is %d pixels wide: %s", address, width, get[string](tb, `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > 391 && !e.closest('.wide, .pane')).slice(0, 5).map((e) => e.tagName + '.' + e.className + ' ' + e.innerText?.slice(0, 30)).join('; ')`))
		}
	})
	// What is hidden at this width can be had.
	tb.visit(w.nodes[0].site + "ui/")
	tb.click("#top .burger", "")
	tb.click("#nav a", "Processes")
	tb.until("the menu leads on", `T.rows().length > 0`)
	tb.deed(loose, "start")
	tb.until("a process can be started", `T.state('loose') === 'RUNNING'`)
	tb.deed(loose, "stop")
	tb.agree()
	tb.until("and stopped", `T.state('loose') === 'STOPPED'`)
	tb.calm()
}

func testDark(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/")
	background := `getComputedStyle(document.body).backgroundColor`
	light := func(rgb string) bool {
		var r, g, b int
		if _, err := fmt.Sscanf(strings.TrimPrefix(rgb, "rgb("), "%d, %d, %d", &r, &g, &b); err != nil {
			t.Fatalf("background %q: %v", rgb, err)
		}
		return r+g+b > 3*128
	}
	tb.scheme("light")
	if is := get[string](tb, background); !light(is) {
		t.Errorf("the light background is %s", is)
	}
	tb.scheme("dark")
	if is := get[string](tb, background); light(is) {
		t.Errorf("the dark background is %s", is)
	}
	tb.click("#top button[aria-label='Light theme']", "")
	tb.until("the theme is what was asked for", `document.documentElement.dataset.theme === 'light'`)
	if is := get[string](tb, background); !light(is) {
		t.Errorf("the background is %s after the switch to light", is)
	}
	tb.visit(w.nodes[0].site + "ui/help")
	if is := get[string](tb, background); !light(is) {
		t.Errorf("the background is %s after the page was loaded again", is)
	}
	get[bool](tb, `(() => { localStorage.clear(); return true; })()`)
	tb.calm()
}

func testKeyboard(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/processes/loose/loose")
	// The skip links are the first ones; the second leads to the actions.
	const tabKey, enter = "\t", "\r"
	presses := 0
	for ; presses < 6 && !get[bool](tb, `document.activeElement?.dataset.do === 'start'`); presses++ {
		tb.keys(tabKey)
		if get[bool](tb, `document.activeElement?.innerText === 'Skip to the actions'`) {
			tb.keys(enter)
		}
	}
	if !get[bool](tb, `document.activeElement?.dataset.do === 'start'`) {
		t.Fatalf("after %d presses of Tab the focus is on %s", presses, get[string](tb, `document.activeElement?.outerHTML`))
	}
	tb.keys(enter)
	tb.until("it runs", `T.text('main .big') === 'RUNNING'`)
	t.Logf("%d presses of Tab and two of Enter start a process", presses)
	// What stops something asks; Enter alone does not agree.
	agree := func() {
		tb.until("it asks", `document.querySelector('dialog[open]:not(.palette)')`)
		for range 4 {
			if get[bool](tb, `document.activeElement?.matches('dialog button.danger')`) {
				break
			}
			tb.keys(tabKey)
		}
		tb.keys(enter)
	}
	tb.keys("t")
	agree()
	tb.until("it is down", `T.text('main .big') === 'STOPPED'`)

	tb.keys("g", "p")
	tb.until("g p leads to the processes", `T.rows().length > 4`)
	tb.keys("/")
	tb.until("the focus is in the filter", `document.activeElement?.dataset.search`)
	tb.keys("loose")
	tb.until("one is left", `T.rows().join() === 'loose'`)
	tb.keys("\x1b", "j")
	tb.until("the focus is in its row", `document.activeElement?.closest('tr[data-row]') === T.row('loose')`)
	tb.keys("s")
	tb.until("it runs", `T.state('loose') === 'RUNNING'`)
	tb.until("the focus is still in its row", `document.activeElement?.closest('tr[data-row]') === T.row('loose')`)
	tb.keys("x")
	tb.until("it is selected", `T.find('.bulk', '1 selected')`)

	tb.keys(":")
	tb.until("the palette is there", `document.querySelector('dialog.palette[open] input') === document.activeElement`)
	tb.keys("stop loose")
	tb.until("the palette finds it", `T.find('.palette li', 'Stop loose')`)
	for range 5 {
		if tb.text(".palette [aria-selected=true]") == "Stop loose" {
			break
		}
		tb.keys(kb.ArrowDown)
	}
	tb.keys(enter)
	agree()
	tb.until("it is down", `T.state('loose') === 'STOPPED'`)

	tb.keys("?")
	tb.until("? is help", `location.pathname.endsWith('/ui/help') && T.find('main kbd', '?')`)
	tb.calm()
}

func testNoScript(t *testing.T, b *browser, w *world) {
	w.nodes[0].call("supervisor.startProcess", "batch:flaky", true) // a failure, as it should be
	w.nodes[0].comes("batch:flaky", "FATAL")
	tb := b.tab(t)
	tb.scripts(false)
	tb.do(chromedp.Navigate(w.nodes[0].site + "ui/processes"))
	text := run(tb, chromedp.OuterHTML(chromedp.ID("main")))
	contains(t, "the page without scripts", text, "<table>", `href="ui/processes/shop/web"`, "shop:web", "RUNNING", "reload")
	if strings.Contains(text, "data-row") {
		t.Error("scripts have run")
	}
	tb.do(chromedp.Navigate(w.nodes[0].site + "ui/apps/batch"))
	text = run(tb, chromedp.OuterHTML(chromedp.ID("main")))
	contains(t, "the application without scripts", text, "batch:flaky", "exit status 3")
	if strings.Contains(text, "shop:web") {
		t.Error("the page of an application has those of others")
	}
}
