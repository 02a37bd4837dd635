package rpc

import (
	"errors"
	"reflect"

	"github.com/kolo/xmlrpc"
)

// decodeInto reads a reply into the variable that out points to.
//
// One flat struct, what most calls between nodes answer, is decoded by kolo/xmlrpc. All else is decoded here: dynamic values,
// which kolo gets wrong (an empty string becomes nil, an untyped one is an error), long lists of structs, where kolo takes
// seven times as long, and what kolo refuses, such as a log with control characters from Python's Supervisor.
func decodeInto(out any, reply []byte) error {
	if isFlatStruct(out) {
		err := decodeFlat(out, reply)
		var fault *Fault
		if err == nil || errors.As(err, &fault) {
			return err
		}
	}
	value, err := DecodeReply(reply)
	if err != nil || out == nil {
		return err
	}
	return Assign(out, value)
}

// decodeFlat is the decoder of kolo/xmlrpc. Its error need not be the last word.
func decodeFlat(out any, reply []byte) error {
	response := xmlrpc.Response(reply)
	err := response.Err()
	var fault xmlrpc.FaultError
	if errors.As(err, &fault) {
		return &Fault{Code: fault.Code, Text: fault.String}
	}
	if err != nil {
		return err
	}
	return response.Unmarshal(out)
}

// isFlatStruct tells whether target points to a struct of nothing but strings, integers, floats and booleans.
func isFlatStruct(target any) bool {
	t := reflect.TypeOf(target)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || reflect.ValueOf(target).IsNil() {
		return false
	}
	for i := range t.Elem().NumField() {
		switch t.Elem().Field(i).Type.Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Float32, reflect.Float64:
		default:
			return false
		}
	}
	return true
}
