package webui

import (
	"fmt"
	"testing"
)

func testTimeline(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/apps/shop")
	before := get[int](tb, `document.querySelectorAll('details.lanes details.lanes, main > details.lanes').length`)
	tb.click("main .head [data-do=restart]", "")
	tb.until("the question names what it ends", `T.find('dialog[open]', 'shop:db') && T.find('dialog[open]', 'major failure')`)
	tb.agree()
	tb.toast("done", "Restart application shop")
	tb.until("there is a stop and a start more", fmt.Sprintf(`document.querySelectorAll('details.lanes details.lanes, main > details.lanes').length >= %d`, before+2))
	type step struct {
		Lane, Process, State string
		From, To             float64 // on the screen
	}
	read := `(() => { const d = T.find('main > details.lanes', 'Start at'); if (!d || !d.innerText.includes('took')) return null;
		const steps = [...d.querySelectorAll('.lane')].flatMap((l) => [...l.querySelectorAll('li')].map((s) => { const r = s.querySelector('.step')?.getBoundingClientRect();
			return r && { lane: l.querySelector('b').innerText, process: s.querySelector('a').innerText, state: s.querySelector('.came .st').innerText.trim(), from: r.left, to: r.right }; }));
		return steps.every(Boolean) && steps; })()`
	steps := wait[[]step](tb, "the start is over", read)
	if len(steps) != 2 {
		t.Fatalf("steps of the start: %+v", steps)
	}
	for i, want := range []struct{ lane, process string }{{"1", "db"}, {"2", "web"}} {
		if s := steps[i]; s.Lane != want.lane || s.Process != want.process || s.State != "RUNNING" || s.To <= s.From {
			t.Errorf("step %d is %+v, not %+v", i, s, want)
		}
	}
	if steps[1].From < steps[0].To-2 {
		t.Errorf("the second step begins before the end of the first one: %+v", steps)
	}
	w.nodes[0].comes("shop:web", "RUNNING")
	tb.calm()
}

func testWhatIf(t *testing.T, b *browser, w *world) {
	tb := b.open(t, w.nodes[0].site+"ui/apps/shop")
	tb.click("main .head [data-do=stop]", "")
	tb.agree()
	tb.toast("done", "Stop application shop")
	w.nodes[0].comes("shop:db", "STOPPED")
	w.nodes[0].comes("shop:web", "STOPPED")
	plan := map[string]string{}
	for _, strategy := range []string{"MOST_LOADED", "CONFIG", "LESS_LOADED"} {
		tb.visit(w.nodes[0].site + "ui/whatif?app=shop&strategy=" + strategy)
		plan = wait[map[string]string](tb, "the plan is there", `(() => { const rows = [...document.querySelectorAll('main tbody tr')]; return rows.length === 2 && Object.fromEntries(rows.map((r) => [r.querySelector('th').innerText, r.children[2].innerText])); })()`)
		t.Logf("%s: %v", strategy, plan)
	}
	if w.nodes[0].up("shop:db") {
		t.Error("a look has started something")
	}
	// With the chosen node down, another one is chosen.
	away := plan["shop:db"]
	tb.visit(w.nodes[0].site + "ui/whatif?app=shop&strategy=LESS_LOADED&down=" + away)
	tb.until("another node is chosen", fmt.Sprintf(`[...document.querySelectorAll('main tbody tr')].length === 2 && T.find('main tbody tr', 'shop:db').children[2].innerText.startsWith('node_') && T.find('main tbody tr', 'shop:db').children[2].innerText !== '%s'`, away))

	tb.visit(w.nodes[0].site + "ui/whatif?app=shop&strategy=LESS_LOADED")
	tb.click("main button", "Start like this")
	tb.until("the page of the application has the strategy", `location.pathname.endsWith('/ui/apps/shop')`)
	tb.click("main .head [data-do=start]", "")
	tb.toast("done", "Start application shop")
	placed := wait[map[string]string](tb, "both run", `(() => { const rows = [...document.querySelectorAll('main tr[data-row]')]; return rows.every((r) => r.children[1].innerText.trim() === 'RUNNING') && Object.fromEntries(rows.map((r) => ['shop:' + r.querySelector('th a').innerText, r.children[2].innerText.trim()])); })()`)
	if fmt.Sprint(placed) != fmt.Sprint(plan) {
		t.Errorf("the plan was %v, it came to %v", plan, placed)
	}
	tb.calm()
}

// up reports whether a process runs somewhere.
func (h *host) up(name string) bool {
	h.w.t.Helper()
	s, err := h.snapshot()
	h.w.must(err)
	return len(s.process(name).On) > 0
}
