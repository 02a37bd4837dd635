package metrics

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// family is what the document says about a metric family, and what is exposed.
type family struct{ kind, labels string }

// documented returns the families of docs/metrics.md.
func documented(t *testing.T) map[string]family {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]family{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		name := strings.Trim(strings.TrimSpace(cells[0]), "`")
		if len(cells) != 5 || !strings.HasPrefix(name, "supvisors_") {
			continue
		}
		if _, twice := all[name]; twice {
			t.Errorf("%s is documented twice", name)
		}
		for _, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: the row has an empty cell", name)
			}
		}
		labels := strings.NewReplacer("`", "", " ", "", "–", "").Replace(cells[2])
		all[name] = family{strings.TrimSpace(cells[1]), labels}
	}
	return all
}

// exposed returns the families of a node about which there is something of every kind to say.
func exposed(t *testing.T) map[string]family {
	t.Helper()
	m := show(everything, silent())
	m.ObserveRPC("xmlrpc", "supervisor.getState", time.Millisecond, 1)
	gathered, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]family{}
	for _, f := range gathered {
		if !strings.HasPrefix(f.GetName(), "supvisors_") {
			continue
		}
		// the order of labels is that of the table: Prometheus sorts them
		i := slices.IndexFunc(table[:], func(row row) bool { return row.name == f.GetName() })
		var sorted []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			sorted = append(sorted, l.GetName())
		}
		if i < 0 || !slices.Equal(slices.Sorted(slices.Values(table[i].labels)), sorted) {
			t.Errorf("%s has the labels %v", f.GetName(), sorted)
			continue
		}
		all[f.GetName()] = family{strings.ToLower(f.GetType().String()), strings.Join(table[i].labels, ",")}
	}
	return all
}

// The document lists what is exposed, and nothing else.
func TestDocument(t *testing.T) {
	said, is := documented(t), exposed(t)
	if len(is) != int(families) {
		t.Errorf("%d of %d families are exposed", len(is), families)
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if doc, ok := said[name]; !ok {
			t.Errorf("%s is not documented", name)
		} else if doc != is[name] {
			t.Errorf("%s is documented as %+v and is %+v", name, doc, is[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if _, ok := is[name]; !ok {
			t.Errorf("%s is documented and not exposed", name)
		}
	}
}
