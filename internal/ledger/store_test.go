package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// lived is a history with an agreement that has ended and one that is open.
const lived = "order web:a request; start web:a; wait 1s; up web:a; stop web:a; exit web:a 0; wait 1s; order job:serve request; start job:serve"

// reboot begins anew with the files that there are.
func (w *world) reboot() {
	w.t.Helper()
	w.boot(0)
	w.run()
	synctest.Wait()
}

func TestReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do(lived)
		before, instances := w.ledger.Agreements(), w.ledger.Instances()
		w.close()
		time.Sleep(10 * time.Second)
		w.reboot()
		after := w.ledger.Agreements()
		wantLines(t, "agreements", w.agreements(), []string{
			"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 105 user requested",
			"job [serve] n2 start_application: 2 2 2 - -; 12 - -: 208 node heartbeat"})
		if after[0].ID != before[1].ID || after[1].ID != before[0].ID || after[0].ForceTerminated != 0 ||
			after[1].ForceTerminated != seconds(time.Now()) {
			t.Errorf("got %+v", after)
		}
		if after[1].Deployment["serve"].Environment["NAME"] != "serve" || after[1].Proposal.Load != 10 {
			t.Errorf("got %+v", after[1])
		}
		got := w.ledger.Instances()
		if len(got) != 1 || got[0].ID != instances[1].ID || len(got[0].Containers) != 1 ||
			!got[0].Containers[0].Since.Equal(instances[1].Containers[0].Since) {
			t.Errorf("got %+v, want the last of %+v", got, instances)
		}
		w.close()
		time.Sleep(10 * time.Second)
		w.reboot() // what was closed stays as it is
		if again := w.ledger.Agreements(); len(again) != 2 || again[1].ForceTerminated != after[1].ForceTerminated {
			t.Errorf("got %+v", again)
		}
		w.close()
	})
}

// What was noted down is there a second later, whatever becomes of the daemon.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do(lived)
		time.Sleep(time.Second)
		synctest.Wait()
		crashed := t.TempDir()
		for _, name := range []string{"ledger.db", "journal.db", "journal.db.mark"} {
			data, err := os.ReadFile(filepath.Join(w.dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(crashed, name), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		w.close()
		w.dir = crashed
		w.reboot()
		wantLines(t, "agreements", w.agreements(), []string{
			"web [a] n2 start_application: 0 0 0 1 1; 1 1 1: 105 user requested",
			"job [serve] n2 start_application: 2 2 2 - -; 3 - -: 208 node heartbeat"})
		if codes := w.records(); codes[len(codes)-1] != "agreement_canceled" {
			t.Errorf("got %v", codes)
		}
		w.close()
	})
}

func TestDamagedFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
	}{
		{"garbage", func([]byte) []byte { return bytes.Repeat([]byte("garbage "), 5000) }},
		{"cut off", func(d []byte) []byte { return d[:len(d)/3/4096*4096] }},
		{"pages of zeros", func(d []byte) []byte { clear(d[8192:]); return d }},
		{"another database", func([]byte) []byte { return []byte("SQLite format 3\x00" + strings.Repeat("\x00\x01", 9000)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.do(lived)
				w.records()
				w.close()
				path := filepath.Join(w.dir, "ledger.db")
				data, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(path, c.change(data), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				w.reboot()
				kept, _ := filepath.Glob(path + ".damaged-*")
				if len(kept) != 1 || w.tell.Count("ledger was damaged") != 1 || w.tell.Count(kept[0]) != 1 {
					t.Errorf("kept %v, told %s", kept, w.tell)
				}
				wantLines(t, "agreements", w.agreements(), nil)
				w.do("order web:b request")
				if codes := w.records(); !slices.Contains(codes, "database_error") {
					t.Errorf("got %v", codes)
				}
				w.close()
				w.reboot()
				if all := w.ledger.Agreements(); len(all) != 1 {
					t.Errorf("the new history is %+v", all)
				}
				w.close()
			})
		})
	}
}

func TestUnreadableEntryIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do(lived)
		w.close()
		path := filepath.Join(w.dir, "ledger.db")
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte(agreementsBucket)).Put(binary.BigEndian.AppendUint64(nil, 1), []byte("what is this"))
		})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		for reboot, dropped := range []int{1, 0} {
			w.reboot()
			if n := w.tell.Count("entries that cannot be read"); n != dropped || len(w.ledger.Agreements()) != 1 {
				t.Errorf("reboot %d: told %d times; %v", reboot, n, w.agreements())
			}
			w.close()
		}
	})
}

// Damage that shows only when something is written costs nothing: what is known is written anew.
func TestDamageWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do(lived + "; wait 1s")
		path := filepath.Join(w.dir, "ledger.db")
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, 100<<10), 8192); err != nil {
			t.Fatal(err)
		}
		f.Close()
		w.do("wait 1s; up job:serve; wait 1s")
		if w.tell.Count("ledger was damaged") != 1 || w.tell.Count("cannot be written") > 0 {
			t.Errorf("told %s", w.tell)
		}
		want := w.agreements()
		instances := len(w.ledger.Instances())
		w.close()
		w.reboot()
		got := w.agreements()
		if len(got) != 2 || got[0] != want[0] || !strings.HasPrefix(got[1], want[1]) || len(w.ledger.Instances()) != instances-1 {
			t.Errorf("got %s, want %s", got, want)
		}
		w.close()
	})
}

func TestLockedByAnother(t *testing.T) {
	w := newWorld(t)
	if _, err := Open(w.config(slog.New(slog.DiscardHandler))); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	w.close()
}

// A disk that does not answer holds up nobody.
func TestSlowDisk(t *testing.T) {
	w := newWorld(t)
	answer, holds := make(chan struct{}), make(chan struct{})
	go w.ledger.store.file.Update(func(*bolt.Tx) error { close(holds); <-answer; return nil })
	<-holds
	for n := range 2 * queue {
		w.doAtOnce("order web:b request; start web:b; stop web:b; exit web:b 0")
		supervisortest.Until(t, "agreement", func() bool {
			all := w.ledger.Agreements()
			return len(all) == n+1 && all[n].Archived
		})
	}
	if w.tell.Count("missed") > 0 {
		t.Errorf("told %s", w.tell)
	}
	close(answer)
	w.close()
	w.boot(0)
	if n := len(w.ledger.Agreements()); n != 2*queue {
		t.Errorf("%d agreements are on disk", n)
	}
	w.close()
}

// What cannot be written is tried again, with what has come since, and told once.
func TestFailingWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ledger.store.put(kept{agreementsBucket, 100}, math.NaN()) // which JSON does not know
		w.do("order web:a request; wait 5s")
		if w.tell.Count("cannot be written") != 1 || w.tell.Count("is written again") != 0 {
			t.Errorf("told %s", w.tell)
		}
		w.ledger.store.put(kept{agreementsBucket, 100}, nil)
		w.do("wait 5s")
		if w.tell.Count("cannot be written") != 1 || w.tell.Count("is written again") != 1 {
			t.Errorf("told %s", w.tell)
		}
		w.close()
		w.boot(0)
		if n := len(w.ledger.Agreements()); n != 1 {
			t.Errorf("%d agreements", n)
		}
		w.close()
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stop()
		for n := range maxAgreements + 50 {
			id := fmt.Sprint(n)
			w.ledger.key++
			w.ledger.archiveAgreement(w.ledger.key, &agent.Agreement{ID: id, Archived: true, Terminated: agent.Seconds(n + 1)})
			w.ledger.archiveInstance(&agent.Instance{ID: id, Archived: true})
		}
		w.ledger.publish()
		check := func(when string) {
			t.Helper()
			agreements, instances := w.ledger.Agreements(), w.ledger.Instances()
			if len(agreements) != maxAgreements || agreements[0].ID != "50" || len(instances) != maxInstances || instances[0].ID != "950" {
				t.Errorf("%s: %d agreements, %d instances", when, len(agreements), len(instances))
			}
		}
		check("at once")
		w.close()
		w.reboot()
		check("after a restart")
		for _, e := range w.ledger.past.archived[:10] { // as if the file had more than it should
			w.ledger.store.put(kept{agreementsBucket, e.key + 1e6}, e.value)
		}
		w.close()
		w.reboot()
		if n := len(w.ledger.Agreements()); n != maxAgreements {
			t.Errorf("%d agreements", n)
		}
		w.close()
	})
}
