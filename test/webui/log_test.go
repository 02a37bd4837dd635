package webui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// wheel turns the mouse wheel over the first element of a selector.
func (tb *tab) wheel(css string, by float64) {
	tb.t.Helper()
	at := wait[struct{ X, Y float64 }](tb, css+" is there", fmt.Sprintf(`(() => { const r = T.find(%s)?.getBoundingClientRect(); return r && { x: r.left + r.width / 2, y: r.top + r.height / 2 }; })()`, quote(css)))
	// A delta of zero would be left out of the command, which must have both.
	call(tb, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: chromedp.MouseWheel, X: at.X, Y: at.Y, DeltaX: 1e-6, DeltaY: by})
}

const atEnd = `(() => { const p = document.querySelector('.pane'); return p.scrollHeight - p.scrollTop - p.clientHeight < 10; })()`

func testLog(t *testing.T, b *browser, w *world) {
	s, err := w.nodes[0].snapshot()
	w.must(err)
	tb := b.open(t, w.nodes[0].site+"ui/processes/shop/web?node="+s.nick(s.process("shop:web").Where))
	tb.until("there are lines", `document.querySelectorAll('.l').length > 400`)
	tb.until("it is at the end", atEnd)

	n := get[int](tb, `document.querySelectorAll('.l').length`)
	tb.until("it follows", fmt.Sprintf(`document.querySelectorAll('.l').length > %d && %s`, n+2, atEnd))
	if get[bool](tb, `!!document.querySelector('.fresh')`) {
		t.Error("new lines are counted while the end is shown")
	}

	tb.until("tags are text", `T.find('.l', '<b>tag</b> request')`)
	if elements := get[int](tb, `document.querySelectorAll('.pane b').length`); elements > 0 {
		t.Errorf("%d elements b have come out of the log", elements)
	}
	colours := get[[]string](tb, `(() => { const l = [...document.querySelectorAll('.l')].findLast((l) => l.innerText.includes('red')); return [...l.querySelectorAll('span')].slice(0, 2).map((s) => s.innerText.trim() + ' ' + getComputedStyle(s).color); })()`)
	if len(colours) != 2 || colours[0][:3] != "red" || colours[0][4:] == colours[1][len(colours[1])-len(colours[0][4:]):] {
		t.Errorf("colours of the line: %q", colours)
	}
	if text := get[string](tb, `document.querySelector('.pane').innerText`); len(text) == 0 || strings.ContainsAny(text, "\x1b") || strings.Contains(text, "[31m") {
		t.Error("escape sequences are shown")
	}

	// A hand pauses it; the lines that come are counted and nothing moves.
	tb.wheel(".pane", -3000)
	tb.until("it is paused", `T.find('[data-do=follow]').getAttribute('aria-pressed') === 'false'`)
	top := get[float64](tb, `T.when(() => /^[1-9]\d* new lines$/.test(T.text('.fresh')), 60000).then(() => document.querySelector('.pane').scrollTop)`)
	count := get[int](tb, `parseInt(T.text('.fresh'))`)
	tb.until("the count grows", fmt.Sprintf(`parseInt(T.text('.fresh')) > %d`, count+1))
	if now := get[float64](tb, `document.querySelector('.pane').scrollTop`); now != top {
		t.Errorf("the lines have moved from %v to %v while paused", top, now)
	}
	tb.click(".fresh", "new lines")
	tb.until("it follows again", atEnd+` && !document.querySelector('.fresh')`)

	// early line 399 is there once; those from 390 to 399 are ten.
	tb.fill(".log .search", "early line 39")
	tb.until("matches are counted", `T.text('.log [role=status]') === '11 lines'`) // 39 and 390 to 399
	tb.click(".log button", "Next")
	tb.until("the first one is shown", `T.text('.log [role=status]') === '1 of 11 lines' && T.find('.l.now mark', 'early line 39')`)
	tb.click(".log button", "Previous")
	tb.until("the last one is shown", `T.text('.log [role=status]') === '11 of 11 lines' && T.find('.l.now', 'early line 399')`)
	tb.click(".log button", "Regex")
	tb.fill(".log .search", `early line 39\d$`)
	tb.until("a regular expression counts", `T.text('.log [role=status]') === '10 lines'`)
	tb.click(".log button", "Only matches")
	tb.until("only matches show", `document.querySelectorAll('.l').length === 10`)
	tb.calm()
}

func testLogElsewhere(t *testing.T, b *browser, w *world) {
	s, err := w.nodes[0].snapshot()
	w.must(err)
	p := s.process("shop:web")
	from := w.nodes[0]
	if from.id == p.Where {
		from = w.nodes[1]
	}
	tb := b.open(t, from.site+"ui/processes/shop/web")
	tb.until("there are lines", `T.find('.l', '<b>tag</b> request')`)
	n := get[int](tb, `document.querySelectorAll('.l').length`)
	tb.until("they follow", fmt.Sprintf(`document.querySelectorAll('.l').length > %d && %s`, n+2, atEnd))
	if got := get[string](tb, `location.origin + '/'`); got != from.site {
		t.Errorf("the page came from %s, not from %s", got, from.site)
	}
	// The log of the daemon of another node.
	tb.visit(from.site + "ui/nodes/" + s.nick(p.Where) + "/log")
	tb.until("its main log is there", `T.find('.l', 'web')`)
	// Each process can be read on each node that has it; the one that has never started there has nothing.
	tb.visit(from.site + "ui/processes/shop/web?node=" + s.nick(from.id))
	tb.until("the node can be chosen", `T.find('main select')`)
	tb.calm()
}

// A browser has six connections for a node, and each of the tabs wants one for ever.
func testSixLogs(t *testing.T, b *browser, w *world) {
	var logs []*tab
	for i := range 6 {
		tb := b.tab(t)
		began := time.Now()
		tb.do(chromedp.Navigate(w.nodes[0].site + "ui/processes/shop/web"))
		tb.until("there are lines", `T.find('.l', 'request')`)
		t.Logf("log %d is there after %v", i+1, time.Since(began).Round(time.Millisecond))
		logs = append(logs, tb)
	}
	tb := b.tab(t)
	began := time.Now()
	tb.do(chromedp.Navigate(w.nodes[0].site + "ui/processes"))
	tb.until("rows are there", `T.rows().length > 4`)
	t.Logf("with six tabs on logs the process list is there after %v", time.Since(began).Round(time.Millisecond))
	tb.until("it is live", `T.live()`)
	t.Logf("and live after %v", time.Since(began).Round(time.Millisecond))
	tb.deed(loose, "start")
	tb.until("it can act", `T.state('loose') === 'RUNNING'`)
	logs[5].until("the latest log is live", `T.live()`)
	logs[0].until("the first log asks now and then", `T.text('.lamp') === 'every 5 s' && T.find('#nav li', 'loose').innerText.includes('RUNNING')`)
	// Used again, it goes on where it was.
	n := get[int](logs[0], `document.querySelectorAll('.l').length`)
	get[bool](logs[0], `dispatchEvent(new Event('focus'))`)
	logs[0].until("it is live again", `T.live()`)
	logs[0].until("its log goes on", fmt.Sprintf(`document.querySelectorAll('.l').length > %d`, n))
	numbers := get[[]int](logs[0], `[...document.querySelectorAll('.l')].map((l) => +/request (\d+)/.exec(l.innerText)?.[1]).filter(Boolean)`)
	for i := 1; i < len(numbers); i++ {
		if numbers[i] != numbers[i-1]+1 {
			t.Fatalf("after line %d comes %d", numbers[i-1], numbers[i])
		}
	}
	tb.deed(loose, "stop")
	tb.agree()
	tb.until("it is down", `T.state('loose') === 'STOPPED'`)
	for _, l := range logs {
		l.calm()
	}
}
