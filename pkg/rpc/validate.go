package rpc

import (
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
)

// check holds a message against the rules declared in its proto file and, when strict, against unknown fields.
func check(message any, strict bool) error {
	if bulk, ok := message.(*Bulk); ok {
		bulk.strict = strict // until it is decoded
		return nil
	}
	m, ok := message.(proto.Message)
	if !ok {
		return nil // not one of ours: reflection and health take the generated path too, so this does not happen
	}
	f := fault.New(fault.Invalid, fault.ReasonValidation, "the request is not valid")
	if strict {
		f.Violations = unknown("", m.ProtoReflect())
	}
	broken, err := brokenRules(m)
	if err != nil {
		return err
	}
	if f.Violations = append(f.Violations, broken...); len(f.Violations) > 0 {
		return f
	}
	return nil
}

func brokenRules(m proto.Message) ([]fault.Violation, error) {
	err := protovalidate.Validate(m)
	if err == nil {
		return nil, nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return nil, fault.Wrap(err, fault.Internal, fault.ReasonInternal, "checking the request")
	}
	var broken []fault.Violation
	for _, v := range invalid.Violations {
		broken = append(broken, fault.Violation{
			Field:       protovalidate.FieldPathString(v.Proto.GetField()),
			Description: describe(v),
		})
	}
	return broken, nil
}

func describe(v *protovalidate.Violation) string {
	if text := v.Proto.GetMessage(); text != "" {
		return text
	}
	return "breaks rule " + v.Proto.GetRuleId()
}
