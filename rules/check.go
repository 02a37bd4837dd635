package rules

import "slices"

// finish checks what only all files together tell, and hands out the Set if it may be used.
func (l *loader) finish() (*Set, []Problem) {
	l.checkAliases()
	for _, m := range l.set.modelled {
		l.checkReference(m)
	}
	for _, a := range l.set.all {
		l.checkApplication(a)
	}
	if slices.ContainsFunc(l.problems, func(p Problem) bool { return !p.Warning }) {
		return nil, l.problems
	}
	return l.set, l.problems
}

// checkAliases warns of aliases that name one defined before: its name stays as it is.
func (l *loader) checkAliases() {
	for i, a := range l.set.aliases {
		for _, earlier := range l.set.aliases[:i+1] {
			if slices.Contains(a.names, earlier.name) {
				l.warn(a.element, "the alias %s has to be defined after this one to be replaced here", earlier.name)
			}
		}
	}
}

func (l *loader) checkReference(p *program) {
	if p.reference != "" && l.set.models[p.reference] == nil {
		l.warn(p.element, "the model %s does not exist", p.reference)
	}
}

func (l *loader) checkApplication(a *application) {
	if a.name != "" {
		if warning := l.set.Application(a.name, Config).Warning; warning != "" {
			l.warn(a.element, "%s", warning)
		}
	}
	for _, p := range a.all {
		l.checkReference(p)
		chain := l.set.chain(p)
		if last := chain[len(chain)-1]; len(chain) == maxReferences && l.set.models[last.reference] != nil {
			l.warn(p.element, "the model %s is not read: references end after %d models", last.reference, maxReferences-1)
		}
		if p.unreachable() {
			continue
		}
		_, changed := l.set.program(Application{}, p, p.name == "")
		for _, text := range changed {
			l.warn(p.element, "%s", text)
		}
	}
}
