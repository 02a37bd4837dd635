package webui

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed page.js
var helpers string

const chromium = "/usr/bin/chromium"

// browser is a running Chromium with a fresh profile.
type browser struct{ ctx context.Context }

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("there is no browser: %v; apt-get install chromium", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900))
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage",
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding", "ignore-certificate-errors"} {
		options = append(options, chromedp.Flag(name, true))
	}
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end of the browser: %v", err)
		}
		stop()
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", chromium, err)
	}
	return &browser{ctx}
}

// tab is a window of its own, so that none is in the background.
type tab struct {
	t      *testing.T
	ctx    context.Context
	mu     sync.Mutex
	errors []string // what the page has complained of
}

func (b *browser) tab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewWindow(true))
	tb := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			var what string
			if s, err := evaluate[string](tb, `location.href + '\n' + document.title + '\n' + document.body.innerText.slice(0, 3000)`); err == nil {
				what = s
			}
			tb.mu.Lock()
			defer tb.mu.Unlock()
			t.Logf("the page shows %s\nand complains %q", what, tb.errors)
		}
		cancel()
	})
	if err := chromedp.Do(ctx); err != nil { // the window lives as long as the context of this call
		t.Fatal(err)
	}
	tb.do(chromedp.EmulateViewport(1440, 900))
	call(tb, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(tb, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: helpers})
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() {
				tb.mu.Lock()
				tb.errors = append(tb.errors, m.String())
				tb.mu.Unlock()
			}
		}
	}()
	return tb
}

// open shows a page and waits until it is live.
func (b *browser) open(t *testing.T, url string) *tab {
	t.Helper()
	tb := b.tab(t)
	tb.visit(url)
	return tb
}

// visit loads a page anew and waits until it is live.
func (tb *tab) visit(url string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(url))
	tb.until("the page is live", `T.live() && document.querySelector('main h1')`)
}

// limited is the context for one action.
func (tb *tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(tb.ctx, patience+10*time.Second)
}

func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	for _, a := range actions {
		run(tb, a)
	}
}

// until waits for an expression to be true.
func (tb *tab) until(what, expression string) {
	tb.t.Helper()
	wait[json.RawMessage](tb, what, "!!("+expression+")")
}

// wait is the value of an expression as soon as it is true. Pages may go away meanwhile.
func wait[T any](tb *tab, what, expression string) (value T) {
	tb.t.Helper()
	until(tb.t, what, func() string {
		v, err := evaluate[*T](tb, fmt.Sprintf("T.when(() => (%s), 5000)", expression))
		if err != nil {
			return err.Error()
		}
		if v == nil {
			return expression
		}
		value = *v
		return ""
	})
	return value
}

func evaluate[T any](tb *tab, expression string) (T, error) {
	ctx, cancel := tb.limited()
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// get is the value of an expression, or of its promise.
func get[T any](tb *tab, expression string) T {
	tb.t.Helper()
	v, err := evaluate[T](tb, expression)
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (tb *tab) text(css string) string {
	tb.t.Helper()
	return get[string](tb, "T.text("+quote(css)+")")
}

// click presses the mouse on the first visible element of a selector that has the text.
func (tb *tab) click(css, text string) {
	tb.t.Helper()
	tb.clickOn(fmt.Sprintf("T.find(%s, %s)", quote(css), quote(text)))
}

func (tb *tab) clickOn(expression string) {
	tb.t.Helper()
	at := wait[struct{ X, Y float64 }](tb, "there is something to click on", "T.point("+expression+")")
	tb.do(chromedp.MouseClickXY(at.X, at.Y))
}

// deed clicks on a button in the row of a process.
func (tb *tab) deed(process, action string) {
	tb.t.Helper()
	tb.clickOn(fmt.Sprintf("T.row(%s)?.querySelector('[data-do=%s]')", quote(process), action))
}

// agree answers a question with yes.
func (tb *tab) agree() {
	tb.t.Helper()
	tb.click("dialog[open] form button:not([type=button])", "")
	tb.until("the question is gone", `!document.querySelector('dialog[open]')`)
}

// keys presses keys one after the other. The character comes with the key, so that a page that has used the key does not get it too.
func (tb *tab) keys(keys ...string) {
	tb.t.Helper()
	for _, r := range strings.Join(keys, "") {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		down.Text = kb.Keys[r].Text
		call(tb, input.DispatchKeyEvent, down)
		call(tb, input.DispatchKeyEvent, up)
	}
}

// fill replaces what is in a field as a hand does.
func (tb *tab) fill(css, text string) {
	tb.t.Helper()
	tb.until(css+" is there", "T.find("+quote(css)+")")
	get[bool](tb, fmt.Sprintf("(() => { const e = T.find(%s); e.focus(); e.select(); return true; })()", quote(css)))
	tb.keys(text)
}

// choose takes an option of the last select of a selector.
func (tb *tab) choose(css, value string) {
	tb.t.Helper()
	get[bool](tb, fmt.Sprintf("(() => { const e = [...document.querySelectorAll(%s)].at(-1); e.value = %s; return e.dispatchEvent(new Event('change', { bubbles: true })); })()", quote(css), quote(value)))
}

// toast waits for what came of an action, in a notice of a kind (done, failed), and returns it.
func (tb *tab) toast(kind, text string) string {
	tb.t.Helper()
	return wait[string](tb, kind+" "+text, fmt.Sprintf("T.find('.toast.%s', %s)?.innerText", kind, quote(text)))
}

// calm fails when the page has complained.
func (tb *tab) calm() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.errors) > 0 {
		tb.t.Errorf("the page complains: %q", tb.errors)
	}
}

func quote(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// contains reports what of the wanted texts is not there.
func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, s := range wanted {
		if !strings.Contains(text, s) {
			t.Errorf("%s lacks %q: %s", what, s, text)
		}
	}
}

// quantile of measured times.
func quantile(times []time.Duration, q float64) time.Duration {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return times[min(len(times)-1, int(q*float64(len(times))))]
}

func millis(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Millisecond)
}
