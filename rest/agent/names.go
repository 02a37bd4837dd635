package agent

import "strings"

// isNameRune reports whether a name may hold a character.
func isNameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(` -*+()?&!_.@,:/\`, r)
}

// checkName refuses a name that holds anything else; input says what it is the name of.
func checkName(input, name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) }) {
		return &BadInput{input, `only letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \ are allowed here`}
	}
	return nil
}
