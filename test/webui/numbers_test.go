package webui

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func testLatency(t *testing.T, b *browser, w *world) {
	h := w.nodes[0]
	measure := func(what string) {
		var times []time.Duration
		for range 300 {
			began := time.Now()
			h.must("supervisor.getState")
			times = append(times, time.Since(began))
		}
		t.Logf("getState %s: p50 %v, p99 %v", what, quantile(times, 0.5).Round(time.Microsecond), quantile(times, 0.99).Round(time.Microsecond))
	}
	measure("without a page")
	tb := b.open(t, h.site+"ui/nodes/"+h.name+"/host")
	tb.until("graphs are drawn", `document.querySelectorAll('.chart canvas').length >= 2`)
	sample := tb.text("main .acts > .muted")
	tb.until("samples come", "T.text('main .acts > .muted') !== "+quote(sample))
	measure("while the host page is watched")
	other := b.open(t, h.site+"ui/nodes/"+w.nodes[1].name+"/host")
	other.until("graphs of another node are drawn", `document.querySelectorAll('.chart canvas').length >= 2`)
	measure("with a second one on another node")
	tb.calm()
	other.calm()
}

// TestMany is about a daemon alone with 500 processes.
func TestMany(t *testing.T) {
	b := newBrowser(t)
	w := newWorld(t, 0, "[program:cat]\ncommand=/bin/cat\nprocess_name=cat_%(process_num)03d\nnumprocs=500\nautostart=false\nstartsecs=0\n")
	h := w.nodes[0]
	w.until("it answers", func() string {
		s, err := h.snapshot()
		if err != nil {
			return err.Error()
		}
		if len(s.Applications) != 1 || len(s.Applications[0].Processes) != 500 {
			return "not all processes are there"
		}
		return ""
	})
	tb := b.tab(t)
	for _, cache := range []string{"empty", "filled"} {
		began := time.Now()
		tb.do(chromedp.Navigate(h.site + "ui/processes"))
		first := wait[float64](tb, "rows are there", `T.rows().length > 5 && performance.now()`)
		t.Logf("500 processes, cache %s: first rows %v after the navigation began (%v with the driver)", cache, millis(first), time.Since(began).Round(time.Millisecond))
	}
	tb.until("it is live", `T.live()`)
	if rows := get[int](tb, `T.rows().length`); rows > 100 {
		t.Errorf("%d rows are drawn at once", rows)
	}
	// The time that one keystroke takes until the rows are drawn.
	var times []time.Duration
	for _, q := range []string{"3", "33", "cat_3", "cat_333", "cat_49", "4", ""} {
		ms := get[float64](tb, `(async () => { const e = document.querySelector('main .search'); const began = performance.now(); e.value = `+quote(q)+`; e.dispatchEvent(new Event('input', { bubbles: true }));
			const n = `+countOf(q)+`; await T.when(() => T.text('main .facts [role=status]').startsWith(n === 500 ? '500 processes' : n + ' of 500'), 60000); return performance.now() - began; })()`)
		times = append(times, millis(ms))
	}
	t.Logf("500 processes: filter p50 %v, most %v", quantile(times, 0.5), quantile(times, 1))
	// What is far below is there when it is scrolled to.
	get[bool](tb, `(scrollTo(0, document.documentElement.scrollHeight), true)`)
	tb.until("the last row is there", `T.row('cat:cat_499')`)
	tb.deed("cat:cat_499", "start")
	tb.until("it can be started", `T.state('cat:cat_499') === 'RUNNING'`)
	tb.calm()
}

// countOf is how many of the names have the text in them, for the script.
func countOf(q string) string {
	return `Array.from({ length: 500 }, (_, i) => 'cat:cat_' + String(i).padStart(3, '0')).filter((s) => s.includes(` + quote(q) + `)).length`
}
