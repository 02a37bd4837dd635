package webui

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
		{"crash", testCrash},
		{"slow start", testSlowStart},
		{"bulk", testBulk},
		{"log", testLog},
		{"log of another node", testLogElsewhere},
		{"six logs", testSixLogs},
		{"conflict", testConflict},
		{"cross-site", testCrossSite},
		{"phone", testPhone},
		{"dark", testDark},
		{"hidden", testHidden},
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
	get[bool](hand, `(() => { document.addEventListener('click', () => {
		window.clicked = T.clock();
		const old = new Set(document.querySelectorAll('.toast'));
		window.accepted = T.when(() => [...document.querySelectorAll('.toast:not(.asked)')].some((e) => !old.has(e)) && T.clock(), 5000);
	}, true); return true; })()`)
	var times, accepted []time.Duration
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
		accepted = append(accepted, millis(get[float64](hand, `window.accepted`)-get[float64](hand, `window.clicked`)))
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
	t.Logf("from the click to a job that was accepted: p50 %v, p95 %v", quantile(accepted, 0.5), quantile(accepted, 0.95))
}

func testFailedStart(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/processes/batch/flaky")
	get[bool](tb, `(() => { window.beeps = 0; window.AudioContext = class { currentTime = 0; createOscillator() { return { connect() {}, start() { window.beeps++; }, stop() {} }; } }; return true; })()`)
	tb.click("#top button[aria-label='Let failures be heard']", "")
	tb.until("it can be heard", `window.beeps === 1 && T.find("#top button[aria-label='Mute the alarm']")`)
	tb.until("nothing of it has been written", `T.find('.log .empty', 'Nothing has been written')`)
	tb.click("main [data-do=start]", "")
	text := tb.toast("failed", "batch:flaky")
	contains(t, "the toast", text, "exit status 3", "cannot open /etc/missing")
	tb.until("the page is that of a failure", `T.text('main .big') === 'FATAL' && T.find('main .note.bad', 'exit status 3')`)
	tb.until("the last lines of stderr are on the page", `T.find('main .tail', 'cannot open /etc/missing')`)
	tb.until("the log has stderr too", `T.find('.log .l.stderr', 'cannot open /etc/missing')`)
	tb.until("the title and the icon tell of it, and a beep", `document.title.startsWith('(1!) batch:flaky') && document.querySelector('link[rel=icon]').href.includes('c62828') && window.beeps === 2`)
	tb.click("#top button[aria-label='Mute the alarm']", "")
	tb.choose(".log select", "stdout")
	tb.until("the log is what was chosen", `T.find('.log .empty', 'Nothing has been written') && location.search.includes('channel=stdout')`)
	tb.visit(get[string](tb, `location.href`))
	tb.until("and remains so", `T.find('.log .empty', 'Nothing has been written')`)
	// Also who comes later, to another node.
	other := b.open(t, w.nodes[2].site+"ui/processes/batch/flaky")
	other.until("another node tells why", `T.find('main .note.bad', 'exit status 3') && T.find('main .tail', 'cannot open /etc/missing')`)
	other.click("#top .counts a", "failed")
	other.until("the count leads to it", `T.rows().includes('batch:flaky') && T.state('batch:flaky') === 'FATAL'`)
	tb.calm()
	other.calm()
}

// The mark of a crash is that of a process that came back by itself, until somebody starts it.
func testCrash(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/processes")
	tb.deed(loose, "start")
	tb.until("it runs", `T.state('loose') === 'RUNNING'`)
	const mark = `T.row('loose').querySelector('.c-starts .warn')`
	if get[bool](tb, "!!"+mark) {
		t.Error("a start has the mark of a crash")
	}
	pid := get[string](tb, `T.row('loose').querySelector('.c-pid').innerText`)
	n, err := strconv.Atoi(pid)
	w.must(err)
	w.must(syscall.Kill(n, syscall.SIGKILL))
	tb.until("it came back", fmt.Sprintf(`T.state('loose') === 'RUNNING' && ![%s, ''].includes(T.row('loose').querySelector('.c-pid').innerText) && %s`, quote(pid), mark))
	tb.deed(loose, "restart")
	tb.agree()
	tb.until("who starts it takes the mark away", `T.state('loose') === 'RUNNING' && !`+mark)
	tb.deed(loose, "stop")
	tb.agree()
	tb.until("it is down", `T.state('loose') === 'STOPPED' && T.row('loose').querySelector('.c-cpu').innerText === '–'`)
	tb.visit(w.nodes[0].site + "ui/events?q=loose")
	tb.until("the crash is bad and the starts are not", `T.find('.moment', 'SIGKILL')?.querySelector('.st.bad') && [...document.querySelectorAll('.moment')].every((m) => !/STARTING|RUNNING/.test(m.innerText) || !m.querySelector('.bad, .warn'))`)
	tb.calm()
}

// A tab that is hidden for long gives its stream back, and goes on behind the last event when it is seen again.
func testHidden(t *testing.T, b *browser, w *world) {
	tb, eye := b.open(t, w.nodes[0].site+"ui/processes"), b.open(t, w.nodes[1].site+"ui/processes")
	get[bool](tb, `(() => {
		const later = setTimeout, Stream = EventSource;
		window.setTimeout = (f, ms, ...more) => later(f, ms === 30000 ? 0 : ms, ...more);
		window.EventSource = class extends Stream { constructor(url) { super(url); this.addEventListener('hello', (e) => { window.began = [url, JSON.parse(e.data).snapshot]; }); } };
		Object.defineProperty(document, 'hidden', { get: () => window.away });
		window.turn = (away) => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); return new Promise((resolve) => later(resolve, 0, true)); };
		return true; })()`)
	get[bool](tb, `window.turn(true)`)
	eye.deed(loose, "start")
	eye.until("it runs", `T.state('loose') === 'RUNNING'`)
	if state := get[string](tb, `T.state('loose')`); state != "STOPPED" {
		t.Errorf("the hidden tab has heard that %s is %s", loose, state)
	}
	get[bool](tb, `window.turn(false)`)
	tb.until("it goes on", `T.live() && T.state('loose') === 'RUNNING' && window.began`)
	if got := get[string](tb, `JSON.stringify([/[?&]last=./.test(window.began[0]), window.began[1]])`); got != "[true,null]" {
		t.Errorf("the new stream has begun with %s", got)
	}
	eye.deed(loose, "stop")
	eye.agree()
	tb.until("changes come", `T.state('loose') === 'STOPPED'`)
	tb.calm()
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
	tb.click(".toast.running button", "Cancel: stop batch:slow")
	tb.agree()
	tb.until("it is down again", `T.state('batch:slow') === 'STOPPED'`)
	tb.toast("done", "Stop batch:slow")
	tb.visit(w.nodes[1].site + "ui/events?kind=job&q=slow")
	tb.until("the events keep what was asked and what came of it", `T.find('.moment', 'asked: start batch:slow') && T.find('.moment', 'asked: stop batch:slow') && T.find('.moment', 'stop batch:slow: batch:slow is STOPPED')`)
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
	tb.until("all that run have their load, the others have none", `T.rows().every((n) => ['.c-cpu', '.c-mem'].every((c) => (T.state(n) === 'RUNNING' ? /\d%/ : /^–$/).test(T.row(n).querySelector(c).innerText.trim())))`)
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
	// What stops something asks: Escape leaves it, Enter is yes.
	const asks = `document.activeElement?.matches('dialog[open] button.danger')`
	agree := func() {
		tb.until("it asks", asks)
		tb.keys(enter)
	}
	tb.keys("t")
	tb.until("it asks", asks)
	tb.keys("\x1b")
	tb.until("the question is gone", `!document.querySelector('dialog[open]')`)
	if state := tb.text("main .big"); state != "RUNNING" {
		t.Errorf("after Escape it is %s", state)
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
	tb.until("the palette has the process before its application", `T.text('.palette [aria-selected=true]') === 'Stop loose' && T.find('.palette li', 'Stop application loose')`)
	tb.keys(enter)
	agree()
	tb.until("it is down", `T.state('loose') === 'STOPPED'`)

	// What ends a node has to be typed. Nothing is sent in earnest.
	tb.visit(w.nodes[0].site + "ui/nodes/" + w.nodes[1].name)
	get[bool](tb, `(() => { window.sent = []; const earnest = fetch; window.fetch = (url, more) => (more?.method === 'POST' && String(url).endsWith('/jobs') ? (window.sent.push(more.body), Promise.reject(new Error('not in earnest'))) : earnest(url, more)); return true; })()`)
	tb.click("main .head button", "Shut down")
	tb.until("the focus is where the name is typed", `document.activeElement?.matches('dialog[open] input')`)
	tb.keys("node" + enter)
	if !get[bool](tb, `!!document.querySelector('dialog[open]') && window.sent.length === 0`) {
		t.Error("half of the name was enough")
	}
	tb.keys(strings.TrimPrefix(w.nodes[1].name, "node") + enter)
	tb.until("Enter sends it", `!document.querySelector('dialog[open]') && window.sent.length === 1 && window.sent[0].includes('shutdown_node')`)

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
