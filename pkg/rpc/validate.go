package rpc

import (
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/customer-exports/exports/pkg/fault"
)

// validate checks a message against the rules declared in its proto file.
func validate(message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return nil // not one of ours: reflection and health take the generated path too, so this does not happen
	}
	err := protovalidate.Validate(m)
	if err == nil {
		return nil
	}
	var invalid *protovalidate.ValidationError
	if !errors.As(err, &invalid) {
		return fault.Wrap(err, fault.Internal, fault.ReasonInternal, "checking the request")
	}
	f := fault.New(fault.Invalid, fault.ReasonValidation, "the request is not valid")
	for _, v := range invalid.Violations {
		f.Violations = append(f.Violations, fault.Violation{
			Field:       protovalidate.FieldPathString(v.Proto.GetField()),
			Description: describe(v),
		})
	}
	return f
}

func describe(v *protovalidate.Violation) string {
	if text := v.Proto.GetMessage(); text != "" {
		return text
	}
	return "breaks rule " + v.Proto.GetRuleId()
}
