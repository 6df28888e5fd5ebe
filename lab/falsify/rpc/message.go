package rpc

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// mostDepth is how deep messages within messages go. Types may contain themselves.
const mostDepth = 4

// Random makes a valid message of what the method takes, in protobuf's own encoding: every field set, enumerations and the
// well-known types within what they may be. What only the service knows to be valid, such as the id of an order, it cannot know.
func (m Method) Random(random *rand.Rand) []byte {
	made := dynamicpb.NewMessage(m.input)
	fill(made, random, mostDepth)
	wire, err := proto.Marshal(made)
	if err != nil { // a required field below the depth: the empty message is as good
		return nil
	}
	return wire
}

// Encode turns a message in protobuf's JSON into its own encoding. The error says what the method does not take.
func (m Method) Encode(json string) ([]byte, error) {
	made := dynamicpb.NewMessage(m.input)
	if err := protojson.Unmarshal([]byte(json), made); err != nil {
		return nil, fmt.Errorf("rpc: %s takes a %s: %w", m.Name, m.input.FullName(), err)
	}
	return proto.Marshal(made)
}

func fill(message protoreflect.Message, random *rand.Rand, depth int) {
	if wellKnown(message, random) {
		return
	}
	fields := message.Descriptor().Fields()
	chosen := make(map[protoreflect.FullName]int) // of each group of fields that exclude each other, one
	for i := range fields.Len() {
		field := fields.Get(i)
		if one := field.ContainingOneof(); one != nil && !one.IsSynthetic() {
			pick, seen := chosen[one.FullName()]
			if !seen {
				pick = random.IntN(one.Fields().Len())
				chosen[one.FullName()] = pick
			}
			if one.Fields().Get(pick) != field {
				continue
			}
		}
		if depth > 0 || field.Cardinality() == protoreflect.Required {
			set(message, field, random, depth-1)
		}
	}
}

func set(message protoreflect.Message, field protoreflect.FieldDescriptor, random *rand.Rand, depth int) {
	switch {
	case field.IsMap():
		entries := message.Mutable(field).Map()
		value := entries.NewValue()
		if field.MapValue().Message() == nil {
			value = scalar(field.MapValue(), random)
		} else {
			fill(value.Message(), random, depth)
		}
		entries.Set(scalar(field.MapKey(), random).MapKey(), value)
	case field.IsList():
		list := message.Mutable(field).List()
		for range 1 + random.IntN(2) {
			if field.Message() == nil {
				list.Append(scalar(field, random))
			} else {
				fill(list.AppendMutable().Message(), random, depth)
			}
		}
	case field.Message() != nil:
		fill(message.Mutable(field).Message(), random, depth)
	default:
		message.Set(field, scalar(field, random))
	}
}

// scalar makes small numbers that are not negative: most are counts, pages or amounts.
func scalar(field protoreflect.FieldDescriptor, random *rand.Rand) protoreflect.Value {
	n := random.Uint64()
	const small = 100
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		pick := int(n % uint64(values.Len()))
		if values.Len() > 1 && values.Get(pick).Number() == 0 { // by custom it stands for nothing said
			pick = (pick + 1) % values.Len()
		}
		return protoreflect.ValueOfEnum(values.Get(pick).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(1 + n%small))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(1 + n%small))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(1 + n%small))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(1 + n%small)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n % small))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n % small))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(strconv.FormatUint(n, 36)))
	default:
		return protoreflect.ValueOfString(strconv.FormatUint(n>>11, 10))
	}
}

// wellKnown fills those of protobuf's own types whose fields mean nothing by themselves, and reports whether it is one.
func wellKnown(message protoreflect.Message, random *rand.Rand) bool {
	number := func(name protoreflect.Name, v int64) {
		field := message.Descriptor().Fields().ByName(name)
		if field.Kind() == protoreflect.Int32Kind {
			message.Set(field, protoreflect.ValueOfInt32(int32(v)))
			return
		}
		message.Set(field, protoreflect.ValueOfInt64(v))
	}
	switch message.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		number("seconds", time.Now().Unix()-int64(random.IntN(86_400)))
		number("nanos", int64(random.IntN(1e9)))
	case "google.protobuf.Duration":
		number("seconds", int64(1+random.IntN(60)))
	case "google.protobuf.Any", "google.protobuf.FieldMask", "google.protobuf.Struct", "google.protobuf.ListValue", "google.protobuf.Empty":
		// Empty they are valid, and say nothing.
	default:
		return false
	}
	return true
}
