package ledger

import "time"

const (
	// startTimeout is how long an application may take until something of it runs that was ordered, and how long the sequence of its
	// processes may pause after one that has exited as it should.
	startTimeout = time.Minute
	// restartTimeout is how long an automatic restart may take; Supervisor's own pause is a second.
	restartTimeout = 3 * time.Second
)

// expectation is what happens to an application of which nothing is up when nothing is by then. The zero one expects nothing.
type expectation struct {
	by      time.Time
	reason  int
	text    string
	restart bool // by Supervisor itself
}

// expect sets what happens to an application when nothing else does.
func (l *Ledger) expect(app *application, e expectation) {
	app.expected = e
	if e.by.IsZero() {
		delete(l.overdue, app)
	} else {
		l.overdue[app] = struct{}{}
	}
}

// nextDeadline returns how long there is nothing to do by itself.
func (l *Ledger) nextDeadline() time.Duration {
	next := time.Hour
	for app := range l.overdue {
		next = min(next, time.Until(app.expected.by))
	}
	return next
}

// expire ends the applications for which what was expected did not come.
func (l *Ledger) expire(now time.Time) {
	for app := range l.overdue {
		if !app.expected.by.After(now) {
			l.giveUp(app)
		}
	}
}

// giveUp ends an application of which nothing is up.
func (l *Ledger) giveUp(app *application) {
	at := time.Now()
	if app.run != nil {
		at = app.run.last
	}
	l.decide(app, cause{reason: app.expected.reason, text: app.expected.text}, at)
	if app.stopping == 0 || app.run == nil {
		l.finish(app, at)
	}
}
