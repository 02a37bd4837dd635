package rpc

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

var (
	timeType = reflect.TypeFor[time.Time]()
	mapType  = reflect.TypeFor[Map]()
)

// errTarget is the error of the programmer who passes something that cannot be written to.
var errTarget = errors.New("decode: the target is no pointer")

// Assign stores a decoded value in the variable that target points to, of any type that the encoder takes. Members without a
// field are passed over, fields without a member stay as they are; an int fits a float and whatever fits the variable's type.
func Assign(target, value any) error {
	if p, ok := target.(*any); ok {
		*p = value
		return nil
	}
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return errTarget
	}
	return assign(v.Elem(), value)
}

func assign(dst reflect.Value, value any) error {
	if value == nil {
		dst.SetZero()
		return nil
	}
	src := reflect.ValueOf(value)
	if src.Type().AssignableTo(dst.Type()) {
		dst.Set(src)
		return nil
	}
	ok := false
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return assign(dst.Elem(), value)
	case reflect.String:
		ok = setString(dst, value)
	case reflect.Bool:
		if ok = src.Kind() == reflect.Bool; ok {
			dst.SetBool(src.Bool())
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if ok = src.Kind() == reflect.Int && !dst.OverflowInt(src.Int()); ok {
			dst.SetInt(src.Int())
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if ok = src.Kind() == reflect.Int && src.Int() >= 0 && !dst.OverflowUint(uint64(src.Int())); ok {
			dst.SetUint(uint64(src.Int()))
		}
	case reflect.Float32, reflect.Float64:
		ok = setFloat(dst, value)
	case reflect.Slice:
		return assignSlice(dst, value)
	case reflect.Map:
		return assignMap(dst, value)
	case reflect.Struct:
		return assignStruct(dst, value)
	}
	if !ok {
		return mismatch(dst, value)
	}
	return nil
}

func mismatch(dst reflect.Value, value any) error {
	return fmt.Errorf("decode: a value of type %T does not fit %s", value, dst.Type())
}

func setString(dst reflect.Value, value any) bool {
	switch v := value.(type) {
	case string:
		dst.SetString(v)
	case []byte:
		dst.SetString(string(v))
	default:
		return false
	}
	return true
}

func setFloat(dst reflect.Value, value any) bool {
	switch v := value.(type) {
	case float64:
		dst.SetFloat(v)
	case int:
		dst.SetFloat(float64(v))
	default:
		return false
	}
	return true
}

func assignSlice(dst reflect.Value, value any) error {
	if text, ok := value.(string); ok && dst.Type().Elem().Kind() == reflect.Uint8 {
		dst.SetBytes([]byte(text))
		return nil
	}
	values, ok := value.([]any)
	if !ok || dst.Type() == mapType { // a Map is a slice by its form only
		return mismatch(dst, value)
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(values), len(values)))
	for i, item := range values {
		if err := assign(dst.Index(i), item); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	return nil
}

func assignMap(dst reflect.Value, value any) error {
	members, ok := value.(Map)
	if !ok || dst.Type().Key().Kind() != reflect.String {
		return mismatch(dst, value)
	}
	dst.Set(reflect.MakeMapWithSize(dst.Type(), len(members)))
	for _, m := range members {
		item := reflect.New(dst.Type().Elem()).Elem()
		if err := assign(item, m.Value); err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		dst.SetMapIndex(reflect.ValueOf(m.Name).Convert(dst.Type().Key()), item)
	}
	return nil
}

func assignStruct(dst reflect.Value, value any) error {
	members, ok := value.(Map)
	if !ok {
		return mismatch(dst, value)
	}
	p := planOf(dst.Type())
	for _, m := range members {
		i, known := p.byName[m.Name]
		if !known {
			continue
		}
		if err := assign(dst.FieldByIndex(p.fields[i].index), m.Value); err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
	}
	return nil
}
