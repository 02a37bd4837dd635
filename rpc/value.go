package rpc

// Map is a struct value: its members in the order of the document.
type Map []Member

// Member is one named value of a Map.
type Member struct {
	Name  string
	Value any
}

// Get returns the value of the member of that name. Of several the last counts, as in Python.
func (m Map) Get(name string) (any, bool) {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].Name == name {
			return m[i].Value, true
		}
	}
	return nil, false
}
