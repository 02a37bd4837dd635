package event

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// drain reads what is queued now.
func drain(s *Subscription) []Notice {
	var all []Notice
	for {
		select {
		case n, ok := <-s.C:
			if !ok {
				return all
			}
			all = append(all, n)
		default:
			return all
		}
	}
}

func TestBusDeliversByAncestor(t *testing.T) {
	b := NewBus()
	all := b.Subscribe(10, TypeEvent)
	groups := b.Subscribe(10, TypeProcessGroup)
	two := b.Subscribe(10, TypeSupervisorStateChangeRunning, TypeProcessGroupRemoved)
	for _, ev := range []Event{SupervisorRunning{}, GroupAdded{"a"}, RemoteCommunication{}, GroupRemoved{"a"}} {
		b.Publish(ev)
	}
	serials := func(s *Subscription) []uint64 {
		var out []uint64
		for _, n := range drain(s) {
			out = append(out, n.Serial)
		}
		return out
	}
	for _, c := range []struct {
		name string
		sub  *Subscription
		want []uint64
	}{
		{"EVENT", all, []uint64{0, 1, 2, 3}},
		{"PROCESS_GROUP", groups, []uint64{1, 3}},
		{"two types", two, []uint64{0, 3}},
	} {
		if got := serials(c.sub); !slices.Equal(got, c.want) {
			t.Errorf("%s got the serials %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFullQueueLosesTheOldestAndCounts(t *testing.T) {
	b := NewBus()
	slow, fast := b.Subscribe(3, TypeEvent), b.Subscribe(100, TypeEvent)
	for i := range 8 {
		b.Publish(GroupAdded{fmt.Sprint(i)})
	}
	got := drain(slow)
	var names []string
	for _, n := range got {
		names = append(names, n.Event.(GroupAdded).Group)
	}
	if want := []string{"5", "6", "7"}; !slices.Equal(names, want) {
		t.Fatalf("kept %v, want %v", names, want)
	}
	if last := got[len(got)-1]; last.Lost != 5 {
		t.Errorf("the last notice counts %d lost, want 5", last.Lost)
	}
	b.Publish(GroupAdded{"8"})
	if got := drain(slow); len(got) != 1 || got[0].Lost != 5 || got[0].Serial != 8 {
		t.Errorf("after the queue was read: %+v", got)
	}
	if got := drain(fast); len(got) != 9 || got[8].Lost != 0 {
		t.Errorf("the fast reader was disturbed: %d notices", len(got))
	}
}

func TestQueueHasRoomForOne(t *testing.T) {
	b := NewBus()
	s := b.Subscribe(0, TypeEvent)
	b.Publish(GroupAdded{"a"})
	b.Publish(GroupAdded{"b"})
	if got := drain(s); len(got) != 1 || got[0].Serial != 1 || got[0].Lost != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestClosing(t *testing.T) {
	b := NewBus()
	gone, stays := b.Subscribe(5, TypeEvent), b.Subscribe(5, TypeEvent)
	b.Publish(GroupAdded{"a"})
	gone.Close()
	gone.Close()
	b.Publish(GroupAdded{"b"})
	b.Close()
	b.Close()
	b.Publish(GroupAdded{"c"})
	stays.Close()
	read := func(s *Subscription) (n int) {
		for range s.C { // ends because C is closed
			n++
		}
		return n
	}
	if n := read(gone); n != 1 {
		t.Errorf("the closed subscription delivered %d notices, want 1", n)
	}
	if n := read(stays); n != 2 {
		t.Errorf("the other one delivered %d notices, want 2", n)
	}
	late := b.Subscribe(5, TypeEvent)
	if n := read(late); n != 0 {
		t.Errorf("a subscription to a closed bus delivered %d notices", n)
	}
	late.Close()
}

// TestOrderUnderConcurrency lets publishers and readers race: everyone must see each publisher's events in its order and
// the serials growing, and received plus lost must be what was published.
func TestOrderUnderConcurrency(t *testing.T) {
	const publishers, each = 4, 500
	b := NewBus()
	var readers, writers sync.WaitGroup
	for _, queue := range []int{1, 7, publishers * each} {
		s := b.Subscribe(queue, TypeRemoteCommunication)
		readers.Go(func() {
			last := map[string]int{}
			var received, lost, serial uint64
			for n := range s.C {
				ev := n.Event.(RemoteCommunication)
				var seq int
				fmt.Sscan(ev.Data, &seq)
				if seq <= last[ev.Kind] || (received > 0 && n.Serial <= serial) {
					t.Errorf("queue %d: out of order: %+v", queue, n)
				}
				last[ev.Kind], serial, lost = seq, n.Serial, n.Lost
				received++
			}
			if received+lost != publishers*each {
				t.Errorf("queue %d: %d received and %d lost of %d", queue, received, lost, publishers*each)
			}
		})
	}
	for p := range publishers {
		writers.Go(func() {
			for i := range each {
				b.Publish(RemoteCommunication{fmt.Sprint(p), fmt.Sprint(i + 1)})
			}
		})
	}
	writers.Wait()
	b.Close()
	readers.Wait()
}

// BenchmarkPublish tells one event to four subscribers.
func BenchmarkPublish(b *testing.B) {
	bus := NewBus()
	for range 4 {
		bus.Subscribe(16, TypeEvent)
	}
	for b.Loop() {
		bus.Publish(GroupAdded{"g"})
	}
}
