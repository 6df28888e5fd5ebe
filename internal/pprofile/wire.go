package pprofile

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errProto = errors.New("it is no protocol buffer")

// fields calls f for each field of a message: value holds a number, content a string or a message within.
func fields(message []byte, f func(number int, value uint64, content []byte) error) error {
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag>>3 > 1<<28 {
			return errProto
		}
		message = message[n:]
		var value uint64
		var content []byte
		size := 0
		switch tag & 7 {
		case 0:
			if value, size = binary.Uvarint(message); size <= 0 {
				return errProto
			}
		case 1:
			size = 8
		case 5:
			size = 4
		case 2:
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return errProto
			}
			size = n + int(length)
			content = message[n:size]
		default:
			return errProto
		}
		if size > len(message) {
			return errProto
		}
		message = message[size:]
		if err := f(int(tag>>3), value, content); err != nil {
			return err
		}
	}
	return nil
}

// varints calls f for each number of a repeated field, which comes packed or one by one.
func varints(value uint64, packed []byte, f func(uint64)) error {
	if packed == nil {
		f(value)
		return nil
	}
	for r := bytes.NewReader(packed); r.Len() > 0; {
		v, err := binary.ReadUvarint(r)
		if err != nil {
			return errProto
		}
		f(v)
	}
	return nil
}
