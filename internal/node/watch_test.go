package node

import (
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
)

// A Watch begins with the View of the moment, brings the others in their order, and loses the oldest when it is not read.
func TestWatch(t *testing.T) {
	views := make([]*cluster.View, 6)
	for i := range views {
		views[i] = &cluster.View{}
	}
	n := &Node{}
	n.show(views[0])
	all, slow := n.Watch(10), n.Watch(2)
	for _, v := range views[1:] {
		n.show(v)
	}
	for i, want := range views {
		if got := <-all.C; got != want {
			t.Errorf("view %d is another one", i)
		}
	}
	if <-slow.C != views[4] || <-slow.C != views[5] {
		t.Error("the slow reader does not have the last two")
	}
	all.Close()
	all.Close()
	n.show(views[0])
	if <-slow.C != views[0] || len(all.C) != 0 {
		t.Error("the wrong one was closed")
	}
	if n.View() != views[0] {
		t.Error("the View is not the last one")
	}
}
