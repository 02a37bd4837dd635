package stats

import (
	"slices"
	"sync"
	"testing"
)

func TestSeriesKeepsTheLast(t *testing.T) {
	for _, depth := range []int{1, 2, 3, 10, 200} {
		s := series[int]{depth: depth}
		if s.all() != nil {
			t.Errorf("depth %d: not empty at the beginning: %v", depth, s.all())
		}
		type view struct{ shown, copied []int }
		var views []view
		var want []int
		for i := range 5 * depth {
			s.push(i)
			if want = append(want, i); len(want) > depth {
				want = want[1:]
			}
			if !slices.Equal(s.all(), want) {
				t.Fatalf("depth %d: %v, want %v", depth, s.all(), want)
			}
			if limit := depth + depth/4 + 1; cap(s.buffer) > limit {
				t.Fatalf("depth %d: room for %d, want at most %d", depth, cap(s.buffer), limit)
			}
			views = append(views, view{s.all(), slices.Clone(s.all())})
		}
		for i, v := range views {
			if !slices.Equal(v.shown, v.copied) {
				t.Fatalf("depth %d: what was shown after %d values has changed to %v", depth, i+1, v.shown)
			}
		}
	}
}

func TestSeriesReaderCannotWriteIntoIt(t *testing.T) {
	s := series[int]{depth: 4}
	s.push(1)
	_ = append(s.all(), 99)
	s.push(2)
	if want := []int{1, 2}; !slices.Equal(s.all(), want) {
		t.Errorf("%v, want %v", s.all(), want)
	}
}

func TestSeriesClear(t *testing.T) {
	s := series[int]{depth: 3}
	s.push(1)
	before := s.all()
	s.clear()
	if s.all() != nil || s.buffer != nil {
		t.Errorf("after clear: %v in %v", s.all(), s.buffer)
	}
	s.push(2)
	if !slices.Equal(s.all(), []int{2}) || !slices.Equal(before, []int{1}) {
		t.Errorf("after clear and 2: %v, the reader of before has %v", s.all(), before)
	}
}

func TestSeriesReadersSeeWholeViews(t *testing.T) {
	const last = 20000
	s := series[int]{depth: 16}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				view := s.all()
				for i := 1; i < len(view); i++ {
					if view[i] != view[i-1]+1 {
						t.Errorf("a view with a gap: %v", view)
						return
					}
				}
				if len(view) > 0 && view[len(view)-1] == last {
					return
				}
			}
		})
	}
	for i := range last + 1 {
		s.push(i)
	}
	readers.Wait()
}
