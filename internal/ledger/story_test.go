package ledger

import (
	"strings"
	"testing"
	"testing/synctest"
)

// what an agreement begins with.
const reached = "received_proposal agreement_reached"

func TestStories(t *testing.T) {
	for _, c := range []struct {
		name       string
		all        bool // agreements with oneself as well
		lines      []string
		records    string
		agreements []string
	}{
		{
			name: "started by the Master, stopped by the Master",
			lines: []string{"order web:a sequence", "wait 2s", "start web:a; wait 1s; up web:a", "order web:b sequence; start web:b; wait 1s; up web:b",
				"wait 5s", "unorder web:b request; stop web:b; exit web:b 0", "unorder web:a request; stop web:a", "wait 3s; exit web:a 0"},
			records:    reached + " container_running container_running container_stopped cancel_agreement container_stopped agreement_canceled",
			agreements: []string{"web [a b] n2 restart_sequence: 0 0 2 3 4; 9 12 12: 106 agbot requested: request"},
		},
		{
			name: "in one go, so that orders and events wait together",
			lines: []string{"order web:a request; start web:a; wait 1s; up web:a; stop web:a; exit web:a 0; wait 1ms; order web:b failure; " +
				"start web:b"},
			records:    reached + " container_running cancel_agreement container_stopped agreement_canceled " + reached,
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 105 user requested", "web [b] n2 failure: 1 1 1 - -"},
		},
		{
			name:       "stopped by the user",
			lines:      []string{"order web:a request; start web:a; wait 1s; up web:a", "stop web:a; exit web:a 0"},
			records:    reached + " container_running cancel_agreement container_stopped agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 105 user requested"},
		},
		{
			name:       "the daemon ends",
			lines:      []string{"order web:a request; start web:a; wait 1s; up web:a", "ending; stop web:a; exit web:a 0"},
			records:    reached + " container_running cancel_agreement container_stopped agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 105 user requested: the daemon ends"},
		},
		{
			name: "suspended",
			lines: []string{"order web:a request; start web:a; wait 1s; up web:a", "because web 119; unorder web:a request; stop web:a; exit web:a 0",
				"wait 1s; order web:a request; start web:a; wait 1s; up web:a", "stop web:a; exit web:a 0"},
			records: reached + " container_running cancel_agreement_service_suspended container_stopped agreement_canceled " +
				reached + " container_running cancel_agreement container_stopped agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 119 service suspended",
				"web [a] n2 start_application: 2 2 2 3 3; 3 3 3: 105 user requested"},
		},
		{
			name: "a reason holds for one stop of the application",
			lines: []string{"order web:a request; start web:a; wait 1s; up web:a", "because web 207; wait 1s; stop web:a; exit web:a 0; wait 1s",
				"start web:a; wait 1s; up web:a"},
			records:    reached + " container_running cancel_agreement container_stopped agreement_canceled container_running web",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 2 2 2: 207 forced upgrade"},
		},
		{
			name:       "moved away",
			lines:      []string{"order web:a conciliation; start web:a; wait 1s; up web:a", "unorder web:a drain; stop web:a; exit web:a 0"},
			records:    reached + " container_running cancel_agreement container_stopped agreement_canceled",
			agreements: []string{"web [a] n2 conciliation: 0 0 0 1 1; 1 1 1: 116 node was unconfigured: drain"},
		},
		{
			name: "its start is given up",
			lines: []string{"order web:a re-place; order web:b request; start web:a; start web:b; wait 1s; up web:a; unorder web:a failure; " +
				"unorder web:b failure; stop web:a; stop web:b; exit web:a 0; exit web:b 0"},
			records:    reached + " container_running cancel_agreement container_stopped container_stopped agreement_canceled",
			agreements: []string{"web [a b] n2 start_application: 0 0 0 1 -; 1 1 1: 108 dependent service failed: failure"},
		},
		{
			name:    "one of two stops, the agreement stays",
			lines:   []string{"order web:a drain; order web:b drain; start web:a; start web:b; wait 1s; up web:a; up web:b", "stop web:a; exit web:a 0"},
			records: reached + " container_running container_running container_stopped",
			agreements: []string{
				"web [a b] n2 re-place: 0 0 0 1 1"},
		},
		{
			name:       "restarted by itself",
			lines:      []string{"order web:a request; start web:a; wait 10s; up web:a; exit web:a 3", "wait 1s; up web:a", "wait 1m"},
			records:    reached + " container_running container_stopped container_running",
			agreements: []string{"web [a] n2 start_application: 0 0 0 10 10"},
		},
		{
			name:       "a restart that never comes",
			lines:      []string{"order web:a request; start web:a; wait 1s; up web:a; leave web:a; exit web:a 3; wait 2s", "wait 2s"},
			records:    reached + " container_running container_stopped cancel_agreement agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 4: 103 service terminated: process web:a has exited with status 3"},
		},
		{
			name: "the cluster restarts it its own way",
			lines: []string{"order web:a request; start web:a; wait 1s; up web:a; leave web:a; exit web:a 3; wait 1s; order web:b failure; start " +
				"web:b; wait 1s; up web:b"},
			records: reached + " container_running container_stopped cancel_agreement agreement_canceled " + reached + " container_running",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 1 2: 103 service terminated: process web:a has exited with status 3",
				"web [b] n2 failure: 2 2 2 3 3"},
		},
		{
			name:       "crashed, and that was all",
			lines:      []string{"order web:b request; start web:b; wait 1s; up web:b; exit web:b 3"},
			records:    reached + " container_running container_stopped cancel_agreement agreement_canceled",
			agreements: []string{"web [b] n2 start_application: 0 0 0 1 1; 1 1 1: 103 service terminated: process web:b has exited with status 3"},
		},
		{
			name:       "it cannot be started",
			lines:      []string{"order web:a request; cannot web:a; wait 1s; retry web:a no"},
			records:    reached + " error_start_container cancel_agreement agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 - -; 1 1 1: 103 service terminated: process web:a could not be started"},
		},
		{
			name:       "attempts to start are given up",
			lines:      []string{"order web:a request; cannot web:a; wait 1s; stop web:a"},
			records:    reached + " cancel_agreement agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 - -; 1 1 1: 105 user requested"},
		},
		{
			name:       "attempts to start are given up by the cluster",
			lines:      []string{"order web:a request; start web:a; wait 100ms; exit web:a 1; wait 500ms; unorder web:a request; stop web:a"},
			records:    reached + " cancel_agreement agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 - -; 0 0 0: 106 agbot requested: request"},
		},
		{
			name:       "ordered, and never started",
			lines:      []string{"order web:a request; wait 59s", "wait 2s"},
			records:    reached + " cancel_agreement_execution_timeout agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 - - -; 60 - 60: 104 service start timeout"},
		},
		{
			name:    "rejected",
			lines:   []string{"disable web:a; order web:a request; order web:nosuch request; order nosuch request"},
			records: "received_proposal reject_proposal received_proposal reject_proposal",
		},
		{
			name: "a sequence goes on after what has to exit",
			lines: []string{"order job:prepare request; start job:prepare; wait 3s; exit job:prepare 0", "wait 2s; order job:serve request; " +
				"start job:serve; wait 1s; up job:serve"},
			records:    reached + " container_running container_stopped container_running",
			agreements: []string{"job [prepare serve] n2 start_application: 0 0 0 0 6"},
		},
		{
			name:    "a sequence that does not go on here",
			lines:   []string{"order job:prepare request; start job:prepare; wait 3s; exit job:prepare 0", "wait 61s"},
			records: reached + " container_running container_stopped cancel_agreement agreement_canceled",
			agreements: []string{"job [prepare] n2 start_application: 0 0 0 0 0; 3 3 63: 103 service terminated: process job:prepare has exited " +
				"with status 0"},
		},
		{
			name: "started while the last of it stops",
			lines: []string{"order web:a request; start web:a; wait 1s; up web:a", "unorder web:a request; stop web:a; wait 1s",
				"order web:b request; start web:b; wait 1s; up web:b", "exit web:a 0"},
			records: reached + " container_running cancel_agreement agreement_canceled " + reached + " container_running container_stopped",
			agreements: []string{"web [a] n2 start_application: 0 0 0 1 1; 1 2 2: 106 agbot requested: request",
				"web [b] n2 start_application: 2 2 2 3 3"},
		},
		{
			name: "not managed",
			lines: []string{"start free:one; start free:two; wait 1s; up free:one; up free:two", "start free:more; wait 1s; up free:more",
				"stop free:one; stop free:two; stop free:more; exit free:one 0; exit free:two 0; exit free:more 0"},
			records: "start_service free container_running free container_running free complete_service_startup free container_running free " +
				"container_stopped free container_stopped free container_stopped free",
		},
		{
			name:    "not managed, FATAL",
			lines:   []string{"cannot free:one; wait 1s; retry free:one no"},
			records: "start_service free error_start_container free error_start_service free",
		},
		{
			name:    "not managed, an order of the cluster",
			lines:   []string{"order free:two request; start free:two"},
			records: "start_service free",
		},
		{
			name: "not managed, with agreements for all",
			all:  true,
			lines: []string{"wait 1s; start free:one; wait 1s; up free:one; start free:two; wait 1s; up free:two", "stop free:one; exit free:one " +
				"0; wait 2s; stop free:two; exit free:two 0"},
			records: "agreement_reached start_service free container_running container_running complete_service_startup free container_stopped " +
				"cancel_agreement container_stopped agreement_canceled",
			agreements: []string{
				"free [one] local start_application: 0 0 0 1 1; 4 4 4: 105 user requested"},
		},
		{
			name:       "removed with its history going on",
			lines:      []string{"order web:a request; start web:a; remove web"},
			records:    reached + " cancel_agreement agreement_canceled",
			agreements: []string{"web [a] n2 start_application: 0 0 0 - -; 0 0 0: 207 forced upgrade: it is not configured any more"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				if c.all {
					w.close()
					w.all = true
					w.boot(0)
					w.run()
				}
				for _, lines := range c.lines {
					w.do(lines)
				}
				wantLines(t, "records", w.records(), strings.Split(withSources(c.records), "|"))
				wantLines(t, "agreements", w.agreements(), c.agreements)
				w.close()
			})
		})
	}
}

// withSources separates codes, which may be followed by a name that has no underscore.
func withSources(records string) string {
	var all []string
	for word := range strings.FieldsSeq(records) {
		if strings.Contains(word, "_") {
			all = append(all, word)
		} else {
			all[len(all)-1] += " " + word
		}
	}
	return strings.Join(all, "|")
}

// Orders and events come on two ways. That the ledger is late does not change what came first.
func TestLateLooksTheSame(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.stop()
			w.do("order web:b request; wait 1s; start web:b; wait 1s; up web:b; wait 1s; exit web:b 3; wait 1s; order web:b failure; start web:b")
			w.do("wait 1s; up web:b; because web 105; stop web:b; exit web:b 0; wait 1s; order web:a request; order web:b request; start web:b")
			w.run()
			synctest.Wait()
			wantLines(t, "agreements", w.agreements(), []string{
				"web [b] n2 start_application: 0 6 1 6 6; 3 3 6: 103 service terminated: process web:b has exited with status 3",
				"web [b] n2 failure: 4 6 4 6 6; 6 5 6: 105 user requested",
				"web [a b] n2 start_application: 6 6 6 - -"})
			w.close()
		})
	}
}
