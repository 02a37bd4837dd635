package stats

import (
	"bytes"
	"math"
	"strconv"
)

// Float is a number that JSON readers of every language take for a floating-point one: 0 is written 0.0. All values of this
// package are finite.
type Float float64

// MarshalJSON writes the shortest text that reads back as the same number, always with a point or an exponent, which very big
// and very small numbers have.
func (f Float) MarshalJSON() ([]byte, error) {
	if size := math.Abs(float64(f)); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(nil, float64(f), 'e', -1, 64), nil
	}
	text := strconv.AppendFloat(nil, float64(f), 'f', -1, 64)
	if !bytes.ContainsRune(text, '.') {
		text = append(text, ".0"...)
	}
	return text, nil
}

// percent is 100 times part / whole, and 0 of nothing.
func percent(part, whole float64) Float {
	if whole <= 0 {
		return 0
	}
	return Float(100 * part / whole)
}

// Solaris gives the processor load of a program as a share of the whole host instead of one core (stats_irix_mode = false).
func Solaris(irix Float, cores int) Float {
	return irix / Float(max(1, cores))
}
