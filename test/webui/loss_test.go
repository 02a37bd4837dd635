package webui

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// TestLoss kills nodes: one that is looked at, then the one that serves the page.
func TestLoss(t *testing.T) {
	b := newBrowser(t)
	w := newCluster(t)
	serving, lost, other := w.nodes[0], w.nodes[2], w.nodes[1]
	lost.must("supervisor.startProcess", loose, true)
	tb := b.open(t, serving.site+"ui/")
	tb.until("the process is on the map", `T.find('.map .chip', 'loose')`)
	list := b.open(t, serving.site+"ui/processes")
	list.until("it runs", `T.state('loose') === 'RUNNING'`)

	lost.kill()
	tb.until("the map tells what is lost", `T.find('.hatch', 'Lost') && T.find('.hatch li', 'loose')`)
	tb.until("the top tells of it", `T.find('#top .counts a', '1 node lost')`)
	tb.until("the node is LOST or FAILED in the list", fmt.Sprintf(`/LOST|FAILED|ISOLATED/.test([...document.querySelectorAll('#nav li')].find((l) => l.innerText.includes('%s')).innerText)`, lost.name))
	t.Logf("the lost node: %s", tb.text(".hatch"))
	list.until("the process is not shown as running", `T.state('loose') && T.state('loose') !== 'RUNNING'`)
	t.Logf("what it held: %s", get[string](list, `T.row('loose').innerText.replace(/\s+/g, ' ')`))
	tb.visit(serving.site + "ui/nodes/" + lost.name)
	tb.until("its page tells the same", `T.find('.hatch', 'Lost') && T.find('.hatch li', 'loose')`)
	tb.visit(serving.site + "ui/events")
	tb.until("the events tell of it", fmt.Sprintf(`T.find('.moment', '%s')`, lost.name))

	tb.visit(serving.site + "ui/processes?q=shop")
	serving.kill()
	tb.until("the page tells that its node is gone", `T.find('[role=alert]', 'does not answer') && T.text('.lamp').startsWith('stale')`)
	links := get[[]string](tb, `[...document.querySelectorAll('[role=alert] a')].map((a) => a.href)`)
	if !slices.Equal(links, []string{other.site + "ui/processes?q=shop"}) {
		t.Errorf("links to other nodes: %q", links)
	}
	tb.click("[role=alert] a", other.name)
	tb.until("the other node goes on with the same page", fmt.Sprintf(`location.href === '%sui/processes?q=shop' && T.live() && T.rows().length === 2`, other.site))
	tb.until("the other node knows of both losses", `T.find('#top .counts a', '2 nodes lost')`)
	tb.calm()
}

// TestRestart restarts the daemon that serves a page: the page comes back by itself, with all that has changed meanwhile.
func TestRestart(t *testing.T) {
	b := newBrowser(t)
	w := newCluster(t)
	serving, other := w.nodes[0], w.nodes[1]
	tb := b.open(t, serving.site+"ui/processes")
	get[bool](tb, `window.loaded = true`)
	events := b.open(t, serving.site+"ui/events")
	serving.kill()
	tb.until("the page has noticed", `!T.live()`)
	other.must("supervisor.startProcess", loose, true)
	serving.boot()
	tb.until("it is live again", `T.live()`)
	w.operating(w.nodes...)
	tb.until("it is in operation", `T.text('.pill').includes('OPERATION')`)
	tb.until("what has happened meanwhile is there", `T.state('loose') === 'RUNNING'`)
	other.must("supervisor.stopProcess", loose, true)
	tb.until("what happens now too", `T.state('loose') === 'STOPPED'`)
	events.until("so do the events", `T.live() && T.find('.moment', 'loose')`)
	tb.until("the page is what the snapshot is", agrees)
	if !get[bool](tb, `window.loaded === true`) {
		t.Error("the page was loaded again")
	}
	if got := get[json.RawMessage](tb, `(async () => { const s = await (await fetch('ui/api/snapshot')).json(); return [...new Set(s.moments.map((m) => m.id))].length === s.moments.length; })()`); string(got) != "true" {
		t.Error("moments have the same number twice")
	}
	tb.calm()
	events.calm()
}

// agrees is whether rows, node list and applications are those of a fresh snapshot. It asks anew each time that it is looked at.
const agrees = `(() => {
	if (!window.asking) window.asking = fetch('ui/api/snapshot', { cache: 'no-store' }).then((r) => r.json()).then((s) => { window.fresh = s; window.asking = null; });
	const s = window.fresh;
	if (!s) return false;
	const want = s.applications.flatMap((a) => a.processes.map((p) => p.name + ' ' + p.state)).sort().join();
	const nodes = s.nodes.every((n) => [...document.querySelectorAll('#nav li')].some((l) => l.innerText.includes(n.nick) && l.innerText.includes(n.state)));
	return nodes && want === T.rows().map((n) => n + ' ' + T.state(n)).sort().join();
})()`
