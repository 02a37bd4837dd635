package cluster

import "iter"

// Different walks through two sorted lists and yields what is not the same in both: the old one, nil when there was none, and the
// new one, nil when it is gone.
func Different[T any](before, after []*T, compare func(a, b *T) int) iter.Seq2[*T, *T] {
	return func(yield func(*T, *T) bool) {
		for len(before) > 0 || len(after) > 0 {
			order := 0
			switch {
			case len(before) == 0:
				order = 1
			case len(after) == 0:
				order = -1
			case before[0] != after[0]: // nearly all are shared
				order = compare(before[0], after[0])
			}
			var was, is *T
			if order <= 0 {
				was, before = before[0], before[1:]
			}
			if order >= 0 {
				is, after = after[0], after[1:]
			}
			if was != is && !yield(was, is) {
				return
			}
		}
	}
}
