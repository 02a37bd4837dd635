package ini

// Packed is a Document that nobody reads at the moment, in a small part of its memory.
type Packed struct {
	included []string
	skipped  []Skipped
	lines    []packedLine
}

// packedLine is an option, or the header of a section when it has no key.
type packedLine struct {
	section, key, text string
	pos                Position
}

// Pack returns what Unpack makes the same Document of.
func (d *Document) Pack() *Packed {
	p := &Packed{included: d.Included, skipped: d.Skipped}
	for _, name := range d.file.SectionStrings() {
		pos, written := d.headers[name]
		if !written {
			continue
		}
		p.lines = append(p.lines, packedLine{section: name, pos: pos})
		for _, k := range d.file.Section(name).KeyStrings() {
			p.lines = append(p.lines, packedLine{name, k, d.file.Section(name).Key(k).Value(), d.places[place{name, k}]})
		}
	}
	return p
}

// Header returns the position of the first header of the section.
func (p *Packed) Header(section string) Position {
	for _, l := range p.lines {
		if l.section == section && l.key == "" {
			return l.pos
		}
	}
	return Position{}
}

// Unpack returns the Document.
func (p *Packed) Unpack() *Document {
	d := newDocument()
	d.Included, d.Skipped = p.included, p.skipped
	for _, l := range p.lines {
		if l.key == "" {
			d.addSection(l.section, l.pos)
		} else {
			d.set(l.section, l.key, l.text, l.pos)
		}
	}
	return d
}
