package webui

import (
	"fmt"
	"testing"
)

// conflict starts a process of a managed application twice, behind the back of the rules; the one on the first node is the older.
func (w *world) conflict(nodes ...*host) {
	w.t.Helper()
	for i, h := range nodes {
		if _, err := h.call("supervisor.startProcess", "batch:worker_0", true); err != nil {
			w.t.Fatal(err)
		}
		w.until(fmt.Sprintf("%d copies are known", i+1), func() string {
			s, err := w.nodes[0].snapshot()
			if err != nil {
				return err.Error()
			}
			if p := s.process("batch:worker_0"); len(p.On) != i+1 {
				return fmt.Sprintf("%v", p.On)
			}
			return ""
		})
	}
}

func (w *world) solved(on ...string) {
	w.t.Helper()
	w.until("the conflict is over", func() string {
		s, err := w.nodes[0].snapshot()
		if err != nil {
			return err.Error()
		}
		if p := s.process("batch:worker_0"); p.Conflict || s.Cluster.State != "OPERATION" || fmt.Sprint(p.On) != fmt.Sprint(on) {
			return fmt.Sprintf("%s, it is up on %v, not on %v", s.Cluster.State, p.On, on)
		}
		return ""
	})
}

func testConflict(t *testing.T, b *browser, w *world) {
	first, second := w.nodes[0], w.nodes[1]
	tb := b.open(t, w.nodes[2].site+"ui/conflicts")
	tb.until("there is none", `T.find('main .empty', 'No process of a managed application')`)
	w.conflict(first, second)
	tb.until("both copies show without a reload", `document.querySelectorAll('.conflict .copy').length === 2`)
	tb.until("the cluster is in CONCILIATION", `T.text('.pill').includes('CONCILIATION') && T.find('#top .counts a', '1 conflict')`)
	tb.until("SENICIDE is foretold", fmt.Sprintf(`T.find('.ways li', 'stops %s, keeps %s')`, first.name, second.name))
	tb.until("INFANTICIDE is foretold", fmt.Sprintf(`T.find('.ways li', 'stops %s, keeps %s')`, second.name, first.name))
	tb.until("each copy has its last lines", `[...document.querySelectorAll('.copy')].every((c) => /pid \d+, up for/.test(c.innerText) && c.querySelector('.tail').innerText.includes('ready to work'))`)
	for _, finding := range tb.findings() {
		t.Errorf("with a conflict: %s", finding)
	}
	// Elsewhere a start leads here.
	other := b.open(t, w.nodes[0].site+"ui/processes")
	other.until("a start leads to the conflicts", `T.row('batch:worker_1').querySelector('[data-do=start]').getAttribute('href') === 'ui/conflicts'`)

	tb.click(".ways button", "SENICIDE")
	tb.until("it asks", `T.find('dialog[open]', 'SENICIDE')`)
	tb.agree()
	tb.toast("done", "SENICIDE")
	tb.until("it is over", `T.find('main .empty', 'No process of a managed application') && T.text('.pill').includes('OPERATION')`)
	w.solved(second.id)

	// Now the older one is on the second node.
	other.visit(w.nodes[2].site + "ui/nodes/" + first.name)
	other.deed("worker_0", "start")
	tb.until("both copies are there again", `document.querySelectorAll('.conflict .copy').length === 2`)
	tb.until("the copy that was asked for tells by whom", fmt.Sprintf(`T.find('.copy', '127.0.0.1 asked: start batch:worker_0 on %[1]s')?.innerText.startsWith('%[1]s')`, first.name))
	tb.clickOn(fmt.Sprintf(`[...document.querySelectorAll('.copy')].find((c) => c.innerText.includes('%s'))?.querySelector('button.primary')`, second.name))
	tb.until("it asks what it ends", fmt.Sprintf(`T.find('dialog[open] li', 'batch:worker_0 on %s') && document.querySelectorAll('dialog[open] li').length === 1`, first.name))
	tb.agree()
	tb.toast("done", "Keep batch:worker_0")
	w.solved(second.id)
	tb.until("it is over", `T.find('main .empty', 'No process of a managed application')`)
	second.must("supervisor.stopProcess", "batch:worker_0", true)
	w.solved()
	tb.calm()
}
